package discover

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Candidate is a name, and why it was found.
type Candidate struct{ Name, Why string }

// Project is a folder from which an app can be run, as its files describe it.
type Project struct {
	Dir      string // slash path within the tree, from which modules are imported
	Django   bool
	Manage   bool        // whether there is a manage.py
	Settings []Candidate // likeliest first, like the others
	WSGI     []Candidate // module:name, or module:name() for a factory
	ASGI     []Candidate
	Apps     []Candidate // applications without Django, of either kind
}

var (
	identifier  = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	environ     = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']?\s*\]?\s*[,=:]\s*["']?([A-Za-z_][\w.]*)`)
	settingLine = regexp.MustCompile(`(?m)^\s*(INSTALLED_APPS|ROOT_URLCONF|MIDDLEWARE|DATABASES|SECRET_KEY)\b|import \*`)
	aside       = regexp.MustCompile(`(?i)(^|[/_.-])(tests?|testing|examples?|demos?|docs?|samples?|fixtures|` +
		`benchmarks?|templates?)($|[/_.-])`)
)

// Projects lists the folders from which a Django project can be run, likeliest first; where there are
// none, those of other apps.
func (t Tree) Projects() (projects []Project) {
	var managed []string
	for _, name := range t.Files {
		if path.Base(name) == "manage.py" && strings.Contains(t.Text(name), "django") {
			managed = append(managed, path.Dir(name))
		}
	}
	if len(managed) == 0 {
		managed = t.unmanaged()
	}
	slices.SortStableFunc(managed, func(a, b string) int {
		return cmp.Or(cmp.Compare(unlikely(a), unlikely(b)), cmp.Compare(depth(a), depth(b)), cmp.Compare(a, b))
	})
	for _, dir := range managed {
		p := Project{Dir: dir, Django: true, Manage: t.Has(path.Join(dir, "manage.py"))}
		inner := slices.DeleteFunc(slices.Clone(managed), func(other string) bool {
			return other == dir || !within(other, dir)
		})
		files := slices.DeleteFunc(t.below(dir), func(name string) bool {
			return slices.ContainsFunc(inner, func(other string) bool { return within(name, other) })
		})
		p.WSGI, p.ASGI = t.entries(dir, files, "wsgi"), t.entries(dir, files, "asgi")
		p.Settings = t.settings(dir, files)
		projects = append(projects, p)
	}
	if len(projects) == 0 {
		projects = t.plain()
	}
	return projects
}

// unlikely reports whether a folder looks like an example within a project, as a number to sort by.
func unlikely(dir string) int {
	if aside.MatchString(dir) {
		return 1
	}
	return 0
}

func depth(dir string) int {
	if dir == "." {
		return 0
	}
	return 1 + strings.Count(dir, "/")
}

// unmanaged are folders of Django projects without a manage.py: those above a package that sets Django
// up for a server.
func (t Tree) unmanaged() (dirs []string) {
	for _, name := range t.Files {
		if strings.HasSuffix(name, "sgi.py") && strings.Contains(t.Text(name), "django.core.") {
			if dir := t.importRoot(name); !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// importRoot is the folder from which a file is imported: the first above it that is not a package.
func (t Tree) importRoot(name string) string {
	dir := path.Dir(name)
	for dir != "." && t.Has(path.Join(dir, "__init__.py")) {
		dir = path.Dir(dir)
	}
	return dir
}

// entries are the modules that hand an application to a server.
func (t Tree) entries(dir string, files []string, kind string) (found []Candidate) {
	defined := regexp.MustCompile(`(?m)^\s*(application|app)\s*(:[^=\n]+)?=`)
	for _, name := range files {
		base := strings.ToLower(path.Base(name))
		inside := path.Base(path.Dir(name)) == kind && base == "__init__.py"
		if !strings.Contains(base, kind) && !inside || unlikely(strings.TrimPrefix(name, dir)) == 1 {
			continue
		}
		match, dotted := defined.FindStringSubmatch(t.Text(name)), module(name, dir)
		if match != nil && dotted != "" {
			found = append(found, Candidate{dotted + ":" + match[1], "in " + name})
		}
	}
	slices.SortStableFunc(found, func(a, b Candidate) int {
		return cmp.Compare(strings.Count(a.Name, "."), strings.Count(b.Name, "."))
	})
	return found
}

// A setting's rank: what its name says about where it is meant for, and who names it.
const (
	rankProduction = iota
	rankStaging
	rankServer
	rankManage
	rankPlain
	rankOther
	rankDevelopment
	rankBase
	rankTest
)

// settingRanks sort settings modules by the words in their names; the first row that matches counts.
var settingRanks = []struct {
	words *regexp.Regexp
	rank  int
	why   string
}{
	{regexp.MustCompile(`(?i)(^|[._])(tests?|testing|ci|pytest|travis)($|[._])`), rankTest, "for tests, by its name"},
	{regexp.MustCompile(`(?i)(^|[._])(prod|production|live|deploy|deployment|heroku)($|[._])`), rankProduction,
		"production-like, by its name"},
	{regexp.MustCompile(`(?i)(^|[._])(stage|staging|preprod)($|[._])`), rankStaging, "production-like, by its name"},
	{regexp.MustCompile(`(?i)(^|[._])(dev|devel|development|local|debug)($|[._])`), rankDevelopment,
		"for development, by its name"},
	{regexp.MustCompile(`(?i)(^|[._])(base|common|defaults?|shared|global_settings|example|sample|template)($|[._])`),
		rankBase, "a base for others, by its name"},
	{regexp.MustCompile(`(^|\.)settings$`), rankPlain, "by its name"},
}

// settings are the settings modules: production-like ones first, then what the project's own server
// entry and manage.py name.
func (t Tree) settings(dir string, files []string) []Candidate {
	rank := map[string]int{}
	why := map[string]string{}
	add := func(name string, r int, reason string) {
		if old, known := rank[name]; !known || r < old {
			rank[name], why[name] = r, reason
		}
	}
	for _, file := range files {
		if dotted := module(file, dir); dotted != "" && t.isSettings(file) {
			r, reason := rankOf(dotted)
			add(dotted, r, reason)
		}
	}
	for _, file := range files {
		match := environ.FindStringSubmatch(t.Text(file))
		base := path.Base(file)
		if match == nil || t.moduleFile(match[1], dir) == "" {
			continue
		}
		switch {
		case base == "manage.py" && path.Dir(file) == dir:
			add(match[1], rankManage, "manage.py names it")
		case strings.HasSuffix(base, "sgi.py"):
			add(match[1], rankServer, path.Base(file)+" names it")
		}
	}
	var found []Candidate
	for name := range rank {
		found = append(found, Candidate{name, why[name]})
	}
	slices.SortFunc(found, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(rank[a.Name], rank[b.Name]),
			cmp.Compare(strings.Count(a.Name, "."), strings.Count(b.Name, ".")), cmp.Compare(a.Name, b.Name))
	})
	if len(found) == 1 {
		found[0].Why = "the only one"
	}
	return found
}

func rankOf(dotted string) (rank int, why string) {
	for _, row := range settingRanks {
		if row.words.MatchString(dotted) {
			return row.rank, row.why
		}
	}
	return rankOther, "its name says that it holds settings"
}

// isSettings reports whether a file is a settings module: by its name or its folder's, and its content.
func (t Tree) isSettings(file string) bool {
	base := strings.TrimSuffix(path.Base(file), ".py")
	folder := path.Base(path.Dir(file))
	named := strings.Contains(base, "settings") || slices.Contains([]string{"settings", "config", "conf"}, folder)
	return named && settingLine.MatchString(t.Text(file)) && (base != "__init__" || folder == "settings")
}
