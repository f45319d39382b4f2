// Package secret takes secrets out of texts before they are written anywhere: passwords in URLs, tokens in
// queries and headers, settings whose names say what they are, and tokens that services have given a form of
// their own. It cannot know a secret that has neither a name nor a form.
package secret

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
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
	strong = `[\w.\-\[]*(?:passw(?:or[dt])?|kennwort|contraseña|passphrase|secret|token|credential|signature|` +
		`(?:api|access|account|private|secret|signing|encryption|shared|session|subscription|client|auth)[-_]?key)` +
		`(?:[-_]\w+)?\]?`
	weak = `_*(?:[a-z0-9]+[-_.])*` +
		`(?:pwd?|(?:require)?pass|pin|otp|auth|sid|[jp](?:hp)?sess(?:ion)?id|session[-_]?id|jwt|bearer|creds?|sig|dsn)`
	name  = `(?:` + strong + `|` + weak + `)`
	names = name + `s?` // passwords, too
	// asked are more names that are secrets in the query of a URL.
	asked = `(?:` + names + `|key|code|hmac|ticket|assertion|samlresponse|session|sessionid)`
	// headers hold secrets to the end of the line.
	headers = `(?:proxy-)?authorization|(?:set-)?cookie2?|` +
		`[\w-]*(?:api-?key|auth-?(?:token|key)|access-?token|[cx]srf-?token|session-?id)`
	quote = `\\*["']`
	// is stands between a name and its value: an index that ends, a type, and a sign.
	is  = `(?:` + quote + `)?\]?\s*(?:(?::\s*\w+\s*)?=>?|->|:)\s*`
	pem = `[A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----`
	// stores are the schemes of URLs whose passwords may hold any character but a quote.
	stores = `(?:postg\w+|psql|mysql|mariadb|mssql|oracle|redis|rediss|mongodb|amqps?|ldaps?|nats|kafka|smtps?|s?ftp)`
)

// blocks are secrets of several lines.
var blocks = []shape{
	{pattern: regexp.MustCompile(`(?s)(-----BEGIN ` + pem + `).*?(-----END ` + pem + `|$)`)},
	{pattern: regexp.MustCompile(`(?i)(name="` + names + `"\s+)[^\r\n]+`)}, // a part of a form
}

// shapes are secrets within a line.
var shapes = []shape{
	// scheme://user:password@host, the same without a scheme, and a token instead of a user
	{pattern: regexp.MustCompile(`(?i)(\b` + stores + `(?:\+\w+)*://[^\s/:@"'<>]*:)[^\s"'<>]+(@)`)},
	{pattern: regexp.MustCompile(`(?i)(\b[a-z][a-z0-9+.\-]*://[^\s/?#:@"'<>]*:)[^\s/?#"'<>]+(@)`)},
	{pattern: regexp.MustCompile(`((?:^|[^:\w/])//[^\s/?#:@"'<>]+:)[^\s/?#"'<>]+(@)`)},
	{pattern: regexp.MustCompile(`(?i)(\bhttps?://)[^\s/?#:@"'<>]+(@)`)},
	// Header: value
	{pattern: regexp.MustCompile(`(?i)(\bauthorization:\s*digest\s)[^\r\n]+`)},
	{pattern: regexp.MustCompile(`(?i)(\b(?:` + headers + `)(?:` + quote + `)?\s*:\s*(?:` + quote + `)?)[^"'\r\n\\]+`)},
	// "name": "header", "value": "value", and "header", "value"
	{pattern: regexp.MustCompile(`(?i)(` + quote + `(?:` + names + `|` + headers + `)` + quote + `\s*,\s*` + quote +
		`value` + quote + `\s*:\s*` + quote + `)[^"'\r\n\\]+`)},
	{pattern: regexp.MustCompile(`(?i)(` + quote + `(?:` + names + `|` + headers + `)` + quote + `\s*,\s*b?` + quote +
		`)[^"'\r\n\\]+`), likely: func(value string) bool { return value != "value" }},
	// Bearer token, and Basic or Token with what looks like one
	{pattern: regexp.MustCompile(`(?i)(\bbearer\s+)[\w.~+/=\-]{6,}`)},
	{pattern: regexp.MustCompile(`(?i)(\b(?:basic|token|digest|negotiate)\s+)[\w.~+/=\-]{8,}`), likely: mixed},
	// --password value, -u user:password
	{pattern: regexp.MustCompile(`(?i)(--?` + name + `[ \t]+["']?)[^\s\-"'][^\s"']*`), likely: notCores},
	{pattern: regexp.MustCompile(`(\blogin\s+\S+\s+password\s+)\S+`)}, // as in .netrc
	{pattern: regexp.MustCompile(`((?:^|\s)(?:-u|--user|--proxy-user)[ =]?["']?[^\s:"'=]+:)[^\s"']+`)},
	// <password>value</password>
	{pattern: regexp.MustCompile(`(?i)(<` + names + `>)[^<]+(<)`)},
	// ?name=value&name=value
	{pattern: regexp.MustCompile(`(?i)([?&;]` + asked + `=)[^&;#\s"'<>\\]+`)},
	// name=value, "name": "value", name: value, to the end of the line where that is all it holds. Within quotes
	// that are themselves within a text, a backslash ends the value.
	{pattern: regexp.MustCompile(`(?i)(\b` + names + is + `[a-z]{0,2}"{1,3})(?:[^"\\]|\\.)+`)},
	{pattern: regexp.MustCompile(`(?i)(\b` + names + is + `[a-z]{0,2}'{1,3})(?:[^'\\]|\\.)+`)},
	{pattern: regexp.MustCompile(`(?i)(\b` + names + is + `\\+["'])[^"'\\]+`)},
	{pattern: regexp.MustCompile(`(?i)(;\s*` + names + `\s*=)[^;"'\r\n\\]+`)},
	{pattern: regexp.MustCompile(`(?i)(^\s*` + strong + `s?:[ \t]+)[^\s"'][^"'\r\n]*`)},
	{pattern: regexp.MustCompile(`(?i)(\b` + names + `=)[^\s&;,"'<>\\]+`), likely: notCores},
	{pattern: regexp.MustCompile(`(?i)(\b` + strong + `s?(?::|[ \t]*(?:=>?|->))[ \t]*)` +
		`[^\s&;,"'<>=\\][^\s&;,"'<>\\]*`)},
	{pattern: regexp.MustCompile(`(\b[A-Z0-9]+(?:_[A-Z0-9]+)*_KEY\s*[=:]\s*["']?)[^\s&;,"'<>\\]+`), likely: mixed},
	{pattern: regexp.MustCompile(`()\b(?:` + strings.Join(strings.Fields(tokens), "|") + `)`)},
	{pattern: regexp.MustCompile(`(hooks\.slack\.com/services/|/api/webhooks/|/webhookb2/)[\w/@.\-]+`)},
}

// tokens have a form of their own, by which the service that gave them knows them.
const tokens = `gh[pousr]_\w{20,} github_pat_\w{20,} gl(?:pat|dt|rt|ptt|cbt|ft|soat|agent|oas)-[\w\-]{16,}
	xox[a-z](?:\.xox[a-z])?-[\w\-]{10,} xapp-[\w\-]{10,} (?:sk|rk|pk)_(?:live|test)_\w{10,} sk-[\w\-]{16,}
	whsec_\w{16,} A(?:KIA|SIA|ROA)[A-Z0-9]{16} AIza[\w\-]{30,} ya29\.[\w\-.]{10,} GOCSPX-[\w\-]{16,}
	eyJ[\w\-]{8,}\.[\w\-]{4,}(?:\.[\w\-]*)? npm_\w{20,} pypi-[\w\-]{16,} rubygems_\w{16,}
	SG\.[\w\-]{10,}\.[\w\-]{10,} hf_\w{20,} do[opr]_v1_\w{20,} shp(?:at|ss|ca|pa)_\w{16,}
	dckr_pat_[\w\-]{16,} hv[sbr]\.[\w\-]{16,} AGE-SECRET-KEY-1\w{20,} sq0[a-z]{3}-[\w\-]{16,}
	\d{8,10}:AA[\w\-]{30,} django-insecure-[^\s"'\\]+ lin_api_\w{16,} secret_[A-Za-z0-9]{20,} ntn_\w{16,}
	gl(?:sa|c)_\w{16,} fo1_[\w\-]{16,} dp\.[a-z]{2,5}\.\w{16,} sbp_\w{16,} sntrys_\w{16,} PMAK-[\w\-]{16,}
	figd_[\w\-]{16,} tfp_\w{16,} ATATT3\w{16,} dapi[0-9a-f]{32} key-[0-9a-f]{32}
	AstraCS:[\w:]{16,} EAACEdEose0cBA\w{10,}`

// signs are parts of words, one of which is in every line with a secret: searching for them is faster by a
// hundred times than matching the shapes, and most lines of a log have none.
var signs = strings.Fields(`
	passw passphrase kennwort contrase secret token credential signature key pw pass pin otp auth sid sess jwt
	bearer cred sig dsn code hmac ticket assertion samlresponse cookie csrf xsrf basic digest negotiate
	-u --user --proxy-user ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glptt- glcbt- glft- glsoat-
	glagent- gloas- xox xapp- _live_ _test_ sk- whsec_ akia asia aroa aiza ya29. gocspx- eyj npm_ pypi-
	rubygems_ sg. hf_ _v1_ shpat_ shpss_ shpca_ shppa_ dckr_pat_ hvs. hvb. hvr. age-secret sq0 :aa
	django-insecure- hooks.slack.com webhook lin_api_ ntn_ glsa_ glc_ fo1_ dp. sbp_ sntrys_ pmak- figd_ tfp_
	atatt3 dapi astracs eaaced`)

// encoded are the characters of names and of what stands around them, as URLs and JSON may write them.
var encoded = regexp.MustCompile(`%[2-7][0-9A-Fa-f]|\\u00[2-7][0-9A-Fa-f]|\\/|&amp;`)

// decoded is a line with its encoded characters as themselves, and where each of its bytes is in the line.
func decoded(line string) (plain string, at []int) {
	var out strings.Builder
	done := 0
	copied := func(to int) {
		out.WriteString(line[done:to])
		for ; done < to; done++ {
			at = append(at, done)
		}
	}
	for _, m := range encoded.FindAllStringIndex(line, -1) {
		copied(m[0])
		c := byte('/')
		switch text := line[m[0]:m[1]]; text {
		case `\/`:
		case "&amp;":
			c = '&'
		default:
			code, _ := strconv.ParseUint(text[len(text)-2:], 16, 8) // two digits, by the pattern
			c = byte(code)
		}
		out.WriteByte(c)
		at, done = append(at, m[0]), m[1]
	}
	copied(len(line))
	return out.String(), append(at, len(line))
}

// mixed reports whether a word looks drawn at random, or encoded, rather than written.
func mixed(word string) bool {
	word = word[strings.LastIndexAny(word, " \t")+1:]
	inner := strings.TrimLeftFunc(word, unicode.IsUpper)
	return strings.ContainsAny(word, "0123456789=") || strings.ContainsFunc(inner, unicode.IsUpper)
}

// cores are what bench's own --pin holds: such as 0,1. A secret number has more digits.
var cores = regexp.MustCompile(`^\[?(?:\d{1,3}(?:,\d{1,3})*)?\]?$`)

func notCores(value string) bool { return !cores.MatchString(value) }

// Redact takes the secrets out of a text. What was redacted once stays as it is.
func Redact(text string) string {
	if strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, `name="`) {
		for _, s := range blocks {
			text = s.redact(text)
		}
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(redactLine(line))
	}
	return out.String()
}

// encodings is how often an address may be encoded within another one.
const encodings = 3

func redactLine(line string) string {
	if suspicious(line) {
		for _, s := range shapes {
			line = s.redact(line)
		}
	}
	plain, at := line, []int(nil)
	for range encodings {
		if !strings.ContainsAny(plain, `%\&`) || !encoded.MatchString(plain) {
			break
		}
		inner, where := decoded(plain)
		for i := range where {
			if at != nil {
				where[i] = at[where[i]]
			}
		}
		plain, at = inner, where
		if !suspicious(plain) {
			continue
		}
		for _, s := range shapes {
			found := s.find(plain)
			for _, f := range slices.Backward(found) {
				line = line[:at[f[0]]] + Redacted + line[at[f[1]]:]
			}
			if len(found) > 0 { // the places are other ones now
				return redactLine(line)
			}
		}
	}
	return line
}

// suspicious reports whether a line may hold a secret.
func suspicious(line string) bool {
	lower := strings.ToLower(line)
	return strings.Contains(line, "//") && strings.Contains(line, "@") ||
		slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(lower, sign) })
}

// find is where the secrets of this form are that are not redacted yet.
func (s shape) find(text string) (found [][2]int) {
	for _, m := range s.pattern.FindAllStringSubmatchIndex(text, -1) {
		from, to := m[3], m[1]
		if len(m) > 4 {
			to = m[4]
		}
		if value := text[from:to]; value != Redacted && (s.likely == nil || s.likely(value)) {
			found = append(found, [2]int{from, to})
		}
	}
	return found
}

func (s shape) redact(text string) string {
	for _, f := range slices.Backward(s.find(text)) {
		text = text[:f[0]] + Redacted + text[f[1]:]
	}
	return text
}

// named matches a key that says that its value is a secret, and option one that is an argument before it.
var (
	named  = regexp.MustCompile(`(?i)^(?:` + names + `|` + headers + `|key|session|sessionid)$`)
	option = regexp.MustCompile(`(?i)^(?:--?` + name + `|` + headers + `)$`)
	user   = regexp.MustCompile(`^(?:-u|--user|--proxy-user)$`)
	// file is the name of a file that holds a key, which is none itself.
	file = regexp.MustCompile(`^[^\s=]+\.(?:pem|key|crt|cer|pub)$`)
)

// token matches a string of encoded JSON, with the colon that makes it a key, or a bracket.
var token = regexp.MustCompile(`"(?:[^"\\]|\\.)*"(\s*:)?|[\[\]{}]`)

// scan is what was last seen in JSON.
type scan struct {
	key   string // before the value
	text  string // the last string that is no key
	value string // of the last key called name
	list  int    // depth of the list that is the value of a secret key; 0: none
	depth int
}

// JSON takes the secrets out of the strings of encoded JSON, and leaves everything else as it is. The string
// of a key such as "password", and those in its list, are secrets whatever they look like.
func JSON(encoded []byte) []byte {
	var out bytes.Buffer
	var s scan
	done := 0
	for _, m := range token.FindAllSubmatchIndex(encoded, -1) {
		between := bytes.TrimSpace(encoded[done:m[0]])
		out.Write(encoded[done:m[0]])
		end, isKey := m[1], m[2] >= 0
		if isKey {
			end = m[2]
		}
		done = end
		var value string
		if c := encoded[m[0]]; c != '"' {
			s.bracket(c, between)
		} else if json.Unmarshal(encoded[m[0]:end], &value) == nil {
			clean := s.clean(value, isKey, between)
			if clean != value {
				quoted, _ := json.Marshal(clean) // a string can always be encoded
				out.Write(quoted)
				continue
			}
		}
		out.Write(encoded[m[0]:end])
	}
	out.Write(encoded[done:])
	return out.Bytes()
}

// bracket notes where lists and objects begin and end.
func (s *scan) bracket(c byte, between []byte) {
	switch c {
	case '[', '{':
		s.depth++
		if c == '[' && s.list == 0 && string(between) == ":" && named.MatchString(s.key) {
			s.list = s.depth
		}
	default:
		if s.depth == s.list {
			s.list = 0
		}
		s.depth--
	}
	s.key, s.text = "", ""
	if c == '{' || c == '}' {
		s.value = ""
	}
}

// clean is a string without its secrets, given what stands before it.
func (s *scan) clean(value string, isKey bool, between []byte) string {
	clean := Redact(value)
	if isKey {
		s.key, s.text = value, ""
		return clean
	}
	ofKey, next := string(between) == ":", string(between) == ","
	switch {
	case value == "" || file.MatchString(value):
	case ofKey && named.MatchString(s.key) && notCores(value), s.list > 0,
		next && option.MatchString(s.text), next && user.MatchString(s.text) && strings.Contains(value, ":"),
		ofKey && strings.EqualFold(s.key, "value") && option.MatchString(s.value):
		clean = Redacted
	}
	if ofKey && strings.EqualFold(s.key, "name") {
		s.value = value
	}
	s.text = value
	return clean
}
