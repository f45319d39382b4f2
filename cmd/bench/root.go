package main

import (
	"cmp"
	"fmt"
	"strings"

	"bench/internal/proc"

	"github.com/spf13/cobra"
)

// keeperCommand is the hidden command that runs the keeper process.
const keeperCommand = "keep-watch"

// Groups of commands, in the order of the help.
var (
	measuring = &cobra.Group{ID: "measure", Title: "Measure:"}
	reading   = &cobra.Group{ID: "read", Title: "Read results:"}
	looking   = &cobra.Group{ID: "look", Title: "Inspect topologies:"}
	machine   = &cobra.Group{ID: "machine", Title: "This machine:"}
)

func newRootCommand(s *shell) *cobra.Command {
	root := &cobra.Command{
		Use:   "bench",
		Short: "Compare ways to deploy a Django app under real load",
		Long: `bench starts the real servers that can deploy a Django app (runserver, prefork uWSGI, nginx in
front of a uWSGI cluster, and your own), drives each with the same load, and reports which is
better, by how much and why, with confidence intervals.

` + exitCodes,
		Example: `  bench setup                                   # install what is missing
  bench compare --topologies all                # compare all, in about three minutes
  bench compare --topologies all --quick        # the same within a minute
  bench compare --app ../mysite --topologies uwsgi:workers=4,uwsgi:workers=8
  bench report bench-runs/<run>                 # make a run's report again`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          subcommand,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := reveal(s); err != nil {
				return err
			}
			return settle(c, s)
		},
	}
	root.Args = cobra.ArbitraryArgs
	root.Version = version
	root.SetVersionTemplate(versionLine() + "\n")
	root.PersistentFlags().BoolVar(&s.showSecrets, showSecrets, false, "show secrets in the output, on a terminal only")
	root.PersistentFlags().BoolVar(&s.live, "live", true, "on a terminal, show a run by a view that is redrawn;\n"+
		"elsewhere, and with --live=false, by a line every five seconds")
	root.SetFlagErrorFunc(flagError)
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		root.SetOut(s.stdout) // what looks like a secret in a help is an example: nobody's own text is in it
		help(c, args)
	})
	root.AddGroup(measuring, reading, looking, machine)
	add(root, measuring, newInitCommand(s), newCompareCommand(s), newLadderCommand(s), newGateCommand(s),
		newCapacityCommand(s), newTuneCommand(s), newClaimsCommand(s), newLoadCommand(s))
	add(root, reading, newReportCommand(s), newDiffCommand(s), newVerifyCommand(s), newReplayCommand(s),
		newHistoryCommand(s), newTrendCommand(s), newServeCommand(s))
	add(root, reading, newImportCommand(s), newBundleCommand(s))
	add(root, machine, newConfigCommand(s), newSchemaCommand(s))
	add(root, looking, newTopologiesCommand(s), newRenderCommand(s), newUpCommand(s))
	add(root, machine, newSetupCommand(s), newDoctorCommand(s), newWorkerCommand(s), newJobsCommand(s),
		newSelftestCommand(s), newVersionCommand(s))
	root.AddCommand(newNullServerCommand(s), newKeepCommand(), newManCommand())
	root.SetHelpCommandGroupID(machine.ID)
	root.SetCompletionCommandGroupID(machine.ID)
	settleArguments(root)
	return root
}

// settleArguments makes all commands below one treat mistakes in what they are given alike.
func settleArguments(parent *cobra.Command) {
	parent.SuggestionsMinimumDistance = mostEdits
	for _, c := range parent.Commands() {
		c.Args = usageArgs(c.Args)
		if c.HasSubCommands() {
			c.Args, c.RunE = cobra.ArbitraryArgs, subcommand
		}
		c.Flags().SortFlags = false // the help lists the important ones first
		settleArguments(c)
	}
}

// subcommand is what a command does that has others below it and was given none, or one that it has not.
func subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	text := fmt.Sprintf("unknown command %q", c.CommandPath()+" "+args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(", did you mean %s?", strings.Join(near, " or "))
	}
	return usagef("%s (`%s --help` lists the commands)", text, c.CommandPath())
}

// add adds the commands of a group.
func add(root *cobra.Command, group *cobra.Group, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group.ID
	}
	root.AddCommand(commands...)
}

// usageArgs says what a command takes where it was given something else, as a mistake in usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.NoArgs
	}
	return func(c *cobra.Command, args []string) error {
		if check(c, args) == nil {
			return nil
		}
		_, wanted, _ := strings.Cut(c.Use, " ")
		example, _, _ := strings.Cut(strings.TrimSpace(c.Example), "\n")
		example, _, _ = strings.Cut(example, "  #") // what it is for
		return usagef("%s takes %s, but was given %s; for example: %s", c.CommandPath(),
			cmp.Or(wanted, "flags only"), cmp.Or(strings.Join(args, " "), "nothing"),
			cmp.Or(strings.TrimSpace(example), c.CommandPath()))
	}
}

func newKeepCommand() *cobra.Command {
	return &cobra.Command{
		Use: keeperCommand, Hidden: true, Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { proc.Keep(c.InOrStdin()) },
	}
}
