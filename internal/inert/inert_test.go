package inert

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// command is how CI systems recognise their commands.
var command = regexp.MustCompile(`(?m)^[\pZ\s\x{200b}\x{feff}]*::|##\pL*\[`)

func harm(text string, breaks string) string {
	switch {
	case strings.ContainsFunc(text, func(c rune) bool { return !strings.ContainsRune(breaks, c) && Unsafe(c) }):
		return "a character that is not inert"
	case command.MatchString(text):
		return "a command"
	}
	return ""
}

func TestEveryPayloadIsInertInEveryPlace(t *testing.T) {
	for _, payload := range Payloads {
		for _, text := range []string{payload, payload + payload, "x: " + payload, payload + "\n" + payload} {
			for name, got := range map[string]string{"Text": Text(text), "Row": Row(text), "Line": Line(text)} {
				breaks := ""
				if name == "Text" {
					breaks = "\n\t"
				}
				if h := harm(got, breaks); h != "" {
					t.Errorf("%s(%q) = %q: %s", name, text, got, h)
				}
			}
			encoded, err := json.Marshal(map[string]string{"a": text})
			if err != nil {
				t.Fatal(err)
			}
			encoded = JSON(encoded)
			var back map[string]string
			if err := json.Unmarshal(encoded, &back); err != nil {
				t.Errorf("JSON of %q: %v", text, err)
			}
			if h := harm(string(encoded), ""); h != "" {
				t.Errorf("JSON of %q is %s: %s", text, encoded, h)
			}
			if strings.ContainsFunc(back["a"], Unsafe) {
				t.Errorf("JSON of %q holds %q", text, back["a"])
			}
		}
	}
}

func TestHarmlessTextsStayThemselves(t *testing.T) {
	for _, text := range []string{
		"p99 < 100ms", "  indented", "a::b", "x ::y", "## heading", "[1,096, 1,358]", "#1 [a]", "naïve · Ωμέγα · 数\n\tb", "",
	} {
		if got := Text(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// However a text is cut into writes, the same comes out as for the whole.
func FuzzWriterIsText(f *testing.F) {
	for _, payload := range Payloads {
		f.Add(payload, uint8(1))
		f.Add(payload, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		var out bytes.Buffer
		w := NewWriter(&out)
		for rest := []byte(text); len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			if written, err := w.Write(rest[:n]); err != nil || written != n {
				t.Fatalf("Write = %d, %v", written, err)
			}
			rest = rest[n:]
		}
		want := Text(text)
		if got := out.String(); !strings.HasPrefix(want, got) || strings.Count(want[len(got):], "\ufffd") > 3 {
			t.Errorf("%q in pieces of %d becomes %q; want %q", text, size+1, got, want)
		}
		if h := harm(want, "\n\t"); h != "" {
			t.Errorf("%q becomes %q: %s", text, want, h)
		}
	})
}
