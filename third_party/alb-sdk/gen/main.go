// Command gen writes package go/models of this module.
//
// What comes in: the Avi object vocabulary (pkg/avischema's JSON file in the
// enclosing repository, read by path, because this module must not depend on
// it), the upstream SDK's identifiers (sdk-names.json) and the roots listed in
// roots.go. What goes out: one gofmt-ed Go file a definition, holding a plain
// struct. It may not invent anything that upstream lacks: no methods, no
// helper types, no fields of our own.
//
// Usage, from third_party/alb-sdk:
//
//	go run ./gen
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	schema := flag.String("schema", "../../pkg/avischema/avi-30.2.1.json", "file with the Avi object vocabulary")
	names := flag.String("names", "gen/sdk-names.json", "file with the SDK's identifiers")
	out := flag.String("out", "go/models", "folder that receives the generated files")
	flag.Parse()

	if err := run(*schema, *names, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run reads the facts, renders every file and makes outDir hold exactly those.
func run(schemaPath, namesPath, outDir string) error {
	in, err := readInput(schemaPath, namesPath)
	if err != nil {
		return err
	}
	files, err := render(in, roots)
	if err != nil {
		return err
	}
	return writeAll(outDir, files)
}
