package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// outputFlag is how an answer of the hub is printed: as a table for people, or
// as JSON, as the hub gave it.
type outputFlag struct{ format string }

func (o *outputFlag) bind(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", "table", "table or json")
}

// check refuses other formats before anything is asked or done.
func (o *outputFlag) check() error {
	if o.format != "table" && o.format != "json" {
		return fmt.Errorf("--output %q: table or json", o.format)
	}
	return nil
}

// printAs prints an answer as JSON, or by table.
func printAs[T any](out io.Writer, o outputFlag, answer T, table func(io.Writer, T) error) error {
	if o.format != "json" {
		return table(out, answer)
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(answer)
}
