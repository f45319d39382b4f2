package setup

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"bench/servers"
)

// newestPython is the newest minor version of Python 3 that is looked for.
const newestPython = 15

// interpreter finds an interpreter on PATH that a project can run on: python3, or the newest that will do.
func (s Setup) interpreter(ctx context.Context, want string) (string, error) {
	candidates := []string{"python3"}
	for minor := newestPython; minor >= 8; minor-- {
		candidates = append(candidates, fmt.Sprintf("python3.%d", minor))
	}
	var found []string
	for _, name := range candidates {
		path := servers.LookPath(name, s.Path)
		if path == "" {
			continue
		}
		if want == "" {
			return path, nil
		}
		tools, err := servers.FindTools(ctx, path, s.Path, nil)
		if err != nil {
			return "", err
		}
		version := tools["python"].Version
		if satisfies(version, want) {
			return path, nil
		}
		found = append(found, version)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no python3 on PATH; bench setup installs it")
	}
	return "", fmt.Errorf("it wants Python %s, and on PATH are only %s: install one, or name its path in app.python",
		want, strings.Join(found, ", "))
}

// satisfies reports whether a version meets a list of conditions such as ">=3.10,<4". What it does not
// understand it takes for met: the installer decides.
func satisfies(version, want string) bool {
	for condition := range strings.SplitSeq(want, ",") {
		condition = strings.ReplaceAll(condition, " ", "")
		at := strings.IndexAny(condition, "0123456789")
		if at < 0 {
			continue
		}
		operator, of := condition[:at], condition[at:]
		of, prefix := strings.CutSuffix(of, ".*")
		order := compareVersions(version, of)
		same := strings.HasPrefix(version+".", of+".")
		met := true
		switch operator {
		case ">=":
			met = order >= 0
		case ">":
			met = order > 0 && !same
		case "<=":
			met = order <= 0
		case "<":
			met = order < 0
		case "==":
			met = order == 0 || prefix && same
		case "!=":
			met = !(order == 0 || prefix && same)
		case "~=":
			parts := strings.Split(of, ".")
			met = order >= 0 && strings.HasPrefix(version+".", strings.Join(parts[:max(1, len(parts)-1)], ".")+".")
		}
		if !met {
			return false
		}
	}
	return true
}

// compareVersions compares two versions number by number.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		if d := numberAt(x, i) - numberAt(y, i); d != 0 {
			return d
		}
	}
	return 0
}

func numberAt(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	digits := strings.TrimRight(parts[i], "abcdefghijklmnopqrstuvwxyz+-")
	n, _ := strconv.Atoi(digits)
	return n
}
