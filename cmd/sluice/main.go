// Command sluice is the log router: one binary, one file per sub-command. root.go lists the sub-commands; sinks.go is the only
// file that names concrete destinations.
package main

import "os"

func main() {
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
