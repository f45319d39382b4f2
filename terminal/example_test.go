package terminal_test

import (
	"os"

	"bench/experiments"
	"bench/terminal"
)

func Example() {
	var view terminal.View = &terminal.Lines{To: os.Stdout}
	defer view.Close()
	view.Show(experiments.Message{Text: "preparing the bundled Django project (once)"})
	// Output: bench: preparing the bundled Django project (once)
}
