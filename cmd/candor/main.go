// Command candor is the whole of Candor in one binary: the service, and the
// tools to set it up, fill it, move it and look after it.
//
// The package holds configuration and wiring; every other room is imported here
// and nothing imports it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/candor-ugc/candor/media"
)

// Exit codes, as scripts know them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	media.WorkerMain() // photos are decoded in this program started again
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// cli is the command line. Every flag is CANDOR_… in the environment and a key
// of the configuration file too.
type cli struct {
	Config kong.ConfigFlag `help:"Configuration file (YAML). Flags win over the environment, that over the file, that over defaults." type:"path"`
	Log    logFlags        `embed:"" prefix:"log-"`

	Serve     serveCmd     `cmd:"" help:"Run the service."`
	Demo      demoCmd      `cmd:"" help:"Run the service with a sample shop, to try it out."`
	Site      siteCmd      `cmd:"" help:"Make and list sites: the shops that share this service."`
	Moderator moderatorCmd `cmd:"" help:"Make and list the accounts of moderators."`
	Token     tokenCmd     `cmd:"" help:"Print a token that signs somebody in, for trying things out."`
	Import    importCmd    `cmd:"" help:"Take in contents from JSON Lines files."`
	Export    exportCmd    `cmd:"" help:"Write everything of a site as JSON Lines."`
	Reindex   reindexCmd   `cmd:"" help:"Build the search indexes anew from the ledger."`
	Copy      copyCmd      `cmd:"" help:"Copy a whole ledger to another engine."`
	Eval      evalCmd      `cmd:"" help:"Measure the quality of screening and language detection on labelled files."`
	Check     checkCmd     `cmd:"" help:"Verify the ledger and what is derived from it."`
}

// streams are where a command writes: results to out, everything else to err.
type streams struct{ out, err io.Writer }

// errUsage marks errors that are the caller's: exit status 2.
var errUsage = errors.New("usage")

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// run is main without the process around it.
func run(ctx context.Context, args []string, env func(string) (string, bool), out, errs io.Writer) int {
	var c cli
	settings := &fileSettings{env: env}
	parser, err := kong.New(&c,
		kong.Name("candor"),
		kong.Description("Reviews, questions, discussions and photos for shops, self-hosted. Start with: candor demo"),
		kong.Writers(out, errs),
		kong.UsageOnError(),
		kong.DefaultEnvars("CANDOR"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, Tree: false}),
		kong.Configuration(settings.load),
		kong.Resolvers(settings),
		kong.Exit(func(int) { panic(helpShown{}) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{out, errs}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(errs, "candor:", err)
		return exitFailed
	}
	settings.model = parser.Model
	parsed, code := parse(parser, spreadFiles(args), env, errs)
	if parsed == nil {
		return code
	}
	switch err := parsed.Run(c.Log); {
	case err == nil:
		return exitDone
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		_, _ = fmt.Fprintln(errs, "candor: stopped")
		return exitFailed
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintln(errs, "candor:", err)
		return exitUsage
	default:
		_, _ = fmt.Fprintln(errs, "candor:", err)
		return exitFailed
	}
}

// helpShown ends parsing after --help was answered.
type helpShown struct{}

// parse gives the parsed command, or nil and the exit code.
func parse(parser *kong.Kong, args []string, env func(string) (string, bool), errs io.Writer) (parsed *kong.Context, code int) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(helpShown); !ok {
				panic(v)
			}
			parsed, code = nil, exitDone
		}
	}()
	if file, ok := env("CANDOR_CONFIG"); ok && file != "" {
		args = append([]string{"--config", file}, args...)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintln(errs, "candor:", err)
		_, _ = fmt.Fprintln(errs, "Run candor --help for what there is.")
		return nil, exitUsage
	}
	return parsed, exitDone
}
