package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"bench/internal/inert"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether a file is a terminal, and not just any device, such as the null device.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	return err == nil
}

// showSecrets is the flag that lets secrets through.
const showSecrets = "show-secrets"

// permissions are the flags that only the person who runs bench can give. A file that came with a
// repository, and an environment that somebody else prepared, must neither send load to other machines nor
// show secrets.
var permissions = map[string]func(s *shell, source string, values []string) []string{
	"allow-host": agreedHosts,
	showSecrets: func(s *shell, source string, _ []string) []string {
		fmt.Fprintf(s.errs, "bench: %s: only the command line can say --%s: ignored\n", source, showSecrets)
		return nil
	},
}

// agreedHosts are those of some hosts, proposed by a file or the environment, that a person at the terminal agrees
// to load by typing their names. Without a terminal there are none.
func agreedHosts(s *shell, source string, proposed []string) (agreed []string) {
	for _, host := range proposed {
		if s.interactive && typed(s, host, fmt.Sprintf("%s would allow load on %s. Type its name to agree", source, host)) {
			agreed = append(agreed, host)
			continue
		}
		fmt.Fprintf(s.errs, "bench: %s: only --allow-host on the command line allows load on %s: ignored\n", source, host)
	}
	return agreed
}

// typed reports whether a person answers with the given text.
func typed(s *shell, want, question string) bool {
	fmt.Fprintf(s.stderr, "bench: %s: ", inert.Line(question))
	answer, _ := bufio.NewReader(s.in).ReadString('\n')
	return strings.TrimSpace(answer) == want
}
