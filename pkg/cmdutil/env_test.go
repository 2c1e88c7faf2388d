package cmdutil

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

type settings struct {
	logLevel string
	tenants  []string
	wait     time.Duration
	ran      []string
}

// newCommand has a flag of its own, a persistent one, a required one on a
// subcommand, and a PreRun of its own.
func newCommand(s *settings) *cobra.Command {
	root := &cobra.Command{Use: "app", SilenceUsage: true, SilenceErrors: true, RunE: func(*cobra.Command, []string) error {
		s.ran = append(s.ran, "root")
		return nil
	}}
	root.PersistentFlags().StringVar(&s.logLevel, "log-level", "info", "the level")
	root.Flags().DurationVar(&s.wait, "wait", 0, "how long")
	sub := &cobra.Command{
		Use:    "sub",
		PreRun: func(*cobra.Command, []string) { s.ran = append(s.ran, "pre") },
		Run:    func(*cobra.Command, []string) { s.ran = append(s.ran, "sub") },
	}
	sub.Flags().StringSliceVar(&s.tenants, "tenants", nil, "the tenants")
	if err := sub.MarkFlagRequired("tenants"); err != nil {
		panic(err)
	}
	root.AddCommand(sub)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	BindEnv(root, "APP")
	return root
}

func TestBindEnv(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		args []string
		want settings
		err  string
	}{
		{"nothing set", nil, []string{}, settings{logLevel: "info", ran: []string{"root"}}, ""},
		{"from the environment", map[string]string{"APP_LOG_LEVEL": "debug", "APP_WAIT": "3s"}, []string{},
			settings{logLevel: "debug", wait: 3 * time.Second, ran: []string{"root"}}, ""},
		{"the command line wins", map[string]string{"APP_LOG_LEVEL": "debug"}, []string{"--log-level=warn"},
			settings{logLevel: "warn", ran: []string{"root"}}, ""},
		{"a subcommand, its list, its PreRun, the inherited flag", map[string]string{"APP_TENANTS": "a,b", "APP_LOG_LEVEL": "error"}, []string{"sub"},
			settings{logLevel: "error", tenants: []string{"a", "b"}, ran: []string{"pre", "sub"}}, ""},
		{"required and missing", nil, []string{"sub"}, settings{logLevel: "info", ran: []string{"pre"}}, "required flag"},
		{"a bad value names the variable", map[string]string{"APP_WAIT": "soon"}, []string{}, settings{logLevel: "info"}, "APP_WAIT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			var got settings
			cmd := newCommand(&got)
			cmd.SetArgs(tt.args)
			err := cmd.Execute()
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if got.logLevel != tt.want.logLevel || got.wait != tt.want.wait ||
				strings.Join(got.tenants, ",") != strings.Join(tt.want.tenants, ",") || strings.Join(got.ran, ",") != strings.Join(tt.want.ran, ",") {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestUsageNamesTheVariable(t *testing.T) {
	usage := newCommand(&settings{}).UsageString()
	for _, want := range []string{"(env APP_LOG_LEVEL)", "(env APP_WAIT)"} {
		if strings.Count(usage, want) != 1 {
			t.Errorf("usage should have %q once:\n%s", want, usage)
		}
	}
	if strings.Contains(usage, "APP_HELP") {
		t.Error("usage names a variable for --help")
	}
}
