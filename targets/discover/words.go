package discover

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// firstLine is the first line of a message, cut to what fits into a sentence.
func firstLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	const most = 200
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

// shortList joins a list, and says how many more there are beyond some.
func shortList(list []string, most int) string {
	if len(list) > most {
		list = append(slices.Clone(list[:most]), "…")
	}
	return strings.Join(list, ", ")
}

func names(candidates []Candidate) (list []string) {
	for _, c := range candidates {
		list = append(list, c.Name)
	}
	return list
}

func unique(list []string) (kept []string) {
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// colon is a dotted name as a server wants it: mysite.wsgi:application.
func colon(dotted string) string {
	if at := strings.LastIndex(dotted, "."); at >= 0 {
		return dotted[:at] + ":" + dotted[at+1:]
	}
	return dotted
}

// expanded applies f to every text in a value of JSON.
func expanded(value any, f func(string) string) any {
	switch v := value.(type) {
	case string:
		return f(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = expanded(v[i], f)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key := range v {
			out[key] = expanded(v[key], f)
		}
		return out
	}
	return value
}

// managedAbove is the nearest folder above with a manage.py; empty if there is none.
func managedAbove(dir string) string {
	for at := filepath.Dir(dir); at != filepath.Dir(at); at = filepath.Dir(at) {
		if isFile(filepath.Join(at, "manage.py")) {
			return at
		}
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return ""
		}
	}
	return ""
}

// readEnv reads the plain NAME=VALUE lines of a .env file.
func readEnv(text string) map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "export ")), "=")
		if name = strings.TrimSpace(name); found && identifier.MatchString(name) {
			vars[name] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return vars
}
