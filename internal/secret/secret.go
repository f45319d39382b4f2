// Package secret takes secrets out of texts before they are written anywhere: passwords in URLs, tokens in
// queries and headers, settings whose names say what they are, and tokens that services have given a form of
// their own. It cannot know a secret that has neither a name nor a form.
package secret

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// shape is a form in which secrets occur. The pattern's first group is what goes before the secret and
// stays; the second, if there is one, what goes after it.
type shape struct {
	pattern *regexp.Regexp
	// likely, if set, is asked about what would be redacted.
	likely func(string) bool
}

// Names that say that their value is a secret. The strong ones do so as a part of any word (PGPASSWORD,
// AccountKey), the weak ones only as a word of their own (X-Auth, sig, but not signal).
const (
	strong = `[\w.\-\[]*(?:passw(?:or)?d|passphrase|secret|token|credential|signature|` +
		`(?:api|access|account|private|secret|signing|encryption|shared|session|auth)[-_]?key)(?:[-_]\w+)?\]?`
	weak = `(?:[a-z0-9]+[-_.])*` +
		`(?:pwd|pass|pin|otp|auth|sid|[jp](?:hp)?sess(?:ion)?id|session[-_]?id|jwt|bearer|creds?|sig|dsn)`
	name  = `(?:` + strong + `|` + weak + `)`
	names = name + `s?` // passwords, too
	// asked are more names that are secrets in the query of a URL.
	asked = `(?:` + names + `|key|code|hmac|ticket|assertion|samlresponse|session|sessionid)`
	// headers hold secrets to the end of the line.
	headers = `(?:proxy-)?authorization|(?:set-)?cookie2?|` +
		`[\w-]*(?:api-?key|auth-?(?:token|key)|access-?token|[cx]srf-?token)`
	quote = `\\?["']`
	pem   = `[A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----`
)

// blocks are secrets of several lines.
var blocks = []shape{
	{pattern: regexp.MustCompile(`(?s)(-----BEGIN ` + pem + `).*?(-----END ` + pem + `|$)`)},
	{pattern: regexp.MustCompile(`(?i)(name="` + names + `"\s+)[^\r\n]+`)}, // a part of a form
}

// shapes are secrets within a line.
var shapes = []shape{
	// scheme://user:password@host, and a token instead of a user
	{pattern: regexp.MustCompile(`(?i)(\b[a-z][a-z0-9+.\-]*://[^\s/?#:@"'<>]*:)[^\s/?#"'<>]+(@)`)},
	{pattern: regexp.MustCompile(`(?i)(\bhttps?://)[^\s/?#:@"'<>]+(@)`)},
	// Header: value
	{pattern: regexp.MustCompile(`(?i)(\b(?:` + headers + `)(?:` + quote + `)?\s*:\s*(?:` + quote + `)?)[^"'\r\n\\]+`)},
	// Bearer token, and Basic or Token with what looks like one
	{pattern: regexp.MustCompile(`(?i)(\bbearer\s+)[\w.~+/=\-]{6,}`)},
	{pattern: regexp.MustCompile(`(?i)(\b(?:basic|token|digest|negotiate)\s+)[\w.~+/=\-]{8,}`), likely: mixed},
	// --password value, -u user:password
	{pattern: regexp.MustCompile(`(?i)(--?` + name + `[ \t]+["']?)[^\s\-"'][^\s"']*`)},
	{pattern: regexp.MustCompile(`((?:^|\s)(?:-u|--user|--proxy-user)[ =]["']?[^\s:"']+:)[^\s"']+`)},
	// <password>value</password>
	{pattern: regexp.MustCompile(`(?i)(<` + names + `>)[^<]+(<)`)},
	// ?name=value&name=value
	{pattern: regexp.MustCompile(`(?i)([?&;]` + asked + `=)[^&;#\s"'<>\\]+`)},
	// name=value, "name": "value", name: value
	{pattern: regexp.MustCompile(`(?i)(\b` + names + `(?:` + quote + `)?\s*(?:=>|[:=])\s*` + quote + `)[^"'\\]+`)},
	{pattern: regexp.MustCompile(`(?i)(\b` + names + `=)[^\s&;,"'<>\\]+`)},
	{pattern: regexp.MustCompile(`(?i)(\b` + strong + `s?:[ \t]*)[^\s&;,"'<>\\]+`)},
	// Tokens with a form of their own.
	{pattern: regexp.MustCompile(`()\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|gl(?:pat|dt|rt|ptt)-[\w\-]{16,}` +
		`|xox[a-z]-[\w\-]{10,}|xapp-[\w\-]{10,}|(?:sk|rk|pk)_(?:live|test)_\w{10,}|sk-[\w\-]{16,}|whsec_\w{16,}` +
		`|A(?:KIA|SIA|ROA)[A-Z0-9]{16}|AIza[\w\-]{30,}|ya29\.[\w\-.]{10,}|eyJ[\w\-]{8,}\.[\w\-]{4,}(?:\.[\w\-]*)?` +
		`|npm_\w{20,}|pypi-[\w\-]{16,}|SG\.[\w\-]{10,}\.[\w\-]{10,}|hf_\w{20,}|do[opr]_v1_\w{20,}` +
		`|shp(?:at|ss|ca|pa)_\w{16,}|dckr_pat_[\w\-]{16,}|hv[sbr]\.[\w\-]{16,}|AGE-SECRET-KEY-1\w{20,}` +
		`|sq0[a-z]{3}-[\w\-]{16,}|\d{8,10}:AA[\w\-]{30,}|django-insecure-[^\s"'\\]+)`)},
	{pattern: regexp.MustCompile(`(hooks\.slack\.com/services/)[\w/]+`)},
}

// signs are parts of words, one of which is in every line with a secret: searching for them is faster by a
// hundred times than matching the shapes, and most lines of a log have none.
var signs = strings.Fields(`
	passw passphrase secret token credential signature key pwd pass pin otp auth sid sess jwt bearer cred sig dsn
	code hmac ticket assertion samlresponse cookie csrf xsrf basic digest negotiate -u --user --proxy-user
	ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glptt- xox xapp- _live_ _test_ sk- whsec_
	akia asia aroa aiza ya29. eyj npm_ pypi- sg. hf_ _v1_ shpat_ shpss_ shpca_ shppa_ dckr_pat_ hvs. hvb. hvr.
	age-secret sq0 :aa django-insecure- hooks.slack.com`)

// mixed reports whether a word looks drawn at random, or encoded, rather than written.
func mixed(word string) bool {
	word = word[strings.LastIndexAny(word, " \t")+1:]
	inner := strings.TrimLeftFunc(word, unicode.IsUpper)
	return strings.ContainsAny(word, "0123456789=") || strings.ContainsFunc(inner, unicode.IsUpper)
}

// Redact takes the secrets out of a text. What was redacted once stays as it is.
func Redact(text string) string {
	if strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, `name="`) {
		for _, s := range blocks {
			text = s.redact(text)
		}
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		if suspicious(line) {
			for _, s := range shapes {
				line = s.redact(line)
			}
		}
		out.WriteString(line)
	}
	return out.String()
}

// suspicious reports whether a line may hold a secret.
func suspicious(line string) bool {
	lower := strings.ToLower(line)
	return strings.Contains(line, "://") && strings.Contains(line, "@") ||
		slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(lower, sign) })
}

func (s shape) redact(text string) string {
	var out strings.Builder
	done := 0
	for _, m := range s.pattern.FindAllStringSubmatchIndex(text, -1) {
		from, to := m[3], m[1]
		if len(m) > 4 {
			to = m[4]
		}
		if s.likely != nil && !s.likely(text[from:to]) {
			continue
		}
		out.WriteString(text[done:from])
		out.WriteString(Redacted)
		done = to
	}
	if done == 0 {
		return text
	}
	return out.String() + text[done:]
}

// named matches a key that says that its value is a secret.
var named = regexp.MustCompile(`(?i)^(?:` + names + `|` + headers + `|key|session|sessionid)$`)

// text matches a string of encoded JSON, with the colon that makes it a key.
var text = regexp.MustCompile(`"(?:[^"\\]|\\.)*"(\s*:)?`)

// JSON takes the secrets out of the strings of encoded JSON, and leaves everything else as it is. The string
// of a key such as "password" is a secret whatever it looks like.
func JSON(encoded []byte) []byte {
	var out bytes.Buffer
	done, secretKey := 0, false
	for _, m := range text.FindAllSubmatchIndex(encoded, -1) {
		end := m[1]
		isKey := m[2] >= 0
		if isKey {
			end = m[2]
		}
		var value string
		if json.Unmarshal(encoded[m[0]:end], &value) != nil {
			continue
		}
		clean := Redact(value)
		if secretKey && !isKey && value != "" && follows(encoded[done:m[0]]) {
			clean = Redacted
		}
		out.Write(encoded[done:m[0]])
		if clean == value {
			out.Write(encoded[m[0]:end])
		} else {
			quoted, _ := json.Marshal(clean) // a string can always be encoded
			out.Write(quoted)
		}
		done, secretKey = end, isKey && named.MatchString(value)
	}
	out.Write(encoded[done:])
	return out.Bytes()
}

// follows reports whether nothing but a colon is between a key and a string.
func follows(between []byte) bool { return string(bytes.TrimSpace(between)) == ":" }
