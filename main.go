// Extranet is the portal through which a host lets its partners serve themselves.
// This package wires the rooms of the house together and does nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // a mapping names time zones, and the image has none

	"github.com/alecthomas/kong"

	"extranet/portal"
)

// version is set by the linker.
var version = "dev"

// commands are what the binary can do.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Answer partners: pages, API, sign-in. With --work, run the jobs too."`
	Work    workCommand    `cmd:"" help:"Run the jobs: mirror the core database on schedule."`
	Migrate migrateCommand `cmd:"" help:"Bring the portal's database to the newest schema and let the login role in."`
	Sync    syncCommand    `cmd:"" help:"Run one pass of every mapped entity by hand, with progress; or tell how the mirror stands, pause and resume it."`
	Check   checkCommand   `cmd:"" help:"Tell what a mapping would do to a core database, before anything is written."`
	Mapping mappingCommand `cmd:"" help:"Help with a mapping file."`
	Demo    demoCommand    `cmd:"" help:"Start everything on embedded defaults, with a sample company that lives."`
	Invite  inviteCommand  `cmd:"" help:"Invite somebody to act for a partner; prints the link."`
	Token   tokenCommand   `cmd:"" help:"Make an API token that acts for one partner; prints it once."`
	Audit   auditCommand   `cmd:"" help:"Look after the audit."`
	Ready   readyCommand   `cmd:"" help:"Ask the ops address of a running portal whether it is ready; for health checks."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "extranet:", words(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var c commands
	exited := false
	parser, err := kong.New(&c, kong.Name("extranet"), kong.Description("A supplier and partner portal. Every flag can be set by the variable named beside it."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, Tree: true}), kong.Exit(func(int) { exited = true }), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		return err
	}
	chosen, err := parser.Parse(args)
	if exited {
		return nil
	}
	if err != nil {
		return err
	}
	return chosen.Run()
}

// words is err for a terminal: what may be shown with the fields it names, or all of it.
func words(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*portal.Error](err); ok {
		for field, what := range e.Fields {
			text += fmt.Sprintf("\n  %s: %s", field, what)
		}
	}
	return text
}

type versionCommand struct{}

func (versionCommand) Run() error {
	fmt.Println("extranet", version)
	return nil
}
