// Package cmdutil holds what the project's commands have in common.
//
// What comes in: a cobra command and the environment. What goes out: flags
// that are set. It may do nothing else: no file, no connection.
package cmdutil

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// BindEnv lets every flag of cmd and of its subcommands come from the
// environment: --log-level from PREFIX_LOG_LEVEL, unless the command line has
// it. The flag's help names the variable. Call it when all flags and
// subcommands are there. A value that the flag can't take ends the command
// with an error that names the variable.
func BindEnv(cmd *cobra.Command, prefix string) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if usage := " (env " + EnvName(prefix, f.Name) + ")"; bound(f) && !strings.HasSuffix(f.Usage, usage) {
			f.Usage += usage
		}
	})
	before, beforeNoError := cmd.PreRunE, cmd.PreRun
	cmd.PreRunE = func(c *cobra.Command, args []string) error {
		if err := setFromEnv(c, prefix); err != nil {
			return err
		}
		switch {
		case before != nil:
			return before(c, args)
		case beforeNoError != nil:
			beforeNoError(c, args)
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		BindEnv(sub, prefix)
	}
}

// EnvName is the variable that a flag comes from.
func EnvName(prefix, flag string) string {
	return strings.ToUpper(prefix + "_" + strings.ReplaceAll(flag, "-", "_"))
}

// bound leaves out the flags that cobra adds itself.
func bound(f *pflag.Flag) bool { return f.Name != "help" && f.Name != "version" }

func setFromEnv(cmd *cobra.Command, prefix string) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := EnvName(prefix, f.Name)
		value, ok := os.LookupEnv(name)
		if failed != nil || !ok || f.Changed || !bound(f) {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			failed = fmt.Errorf("environment variable %s: %w", name, err)
		}
	})
	return failed
}
