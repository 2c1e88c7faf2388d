package main

import (
	"github.com/spf13/cobra"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/hub/server"
	"github.com/akohub/akohub/pkg/logging"
)

func newServeCommand() *cobra.Command {
	var file, level, format string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the hub",
		Long: `serve runs the hub: it takes the streams of the agents, follows the folder of
registrations, and writes on the Avi Controllers that the configuration names.
SIGTERM ends it within 5 seconds; Avi is left as it is.`,
		Example: `  akohub serve --config /etc/akohub/hub.yaml --log-format json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file)
			if err != nil {
				return err
			}
			if level != "" {
				cfg.Log.Level = level
			}
			if format != "" {
				cfg.Log.Format = format
			}
			log, err := logging.New(logging.Options{Name: "akohub", Level: cfg.Log.Level, Format: cfg.Log.Format, Output: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			logging.BridgeGRPC(log)
			logging.BridgeKlog(log)
			return server.Run(cmd.Context(), cfg, log)
		},
	}
	cmd.Flags().StringVar(&file, "config", "hub.yaml", "configuration file")
	cmd.Flags().StringVar(&level, "log-level", "", "least severe level to log: trace, debug, info, warn or error (default: as in the configuration)")
	cmd.Flags().StringVar(&format, "log-format", "", "text or json (default: as in the configuration)")
	return cmd
}
