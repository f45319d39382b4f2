package servers

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bench/internal/proc"
	"bench/targets"
)

// PrepareError says which step of an app's preparation failed.
type PrepareError struct {
	Step   []string
	Output string
	Err    error
}

func (e *PrepareError) Error() string {
	text := fmt.Sprintf("preparing the app: %s: %v", strings.Join(e.Step, " "), e.Err)
	if diagnostic, hint := explain(e.Output); diagnostic != "" {
		text += ": " + diagnostic + "\n" + hint
	}
	if e.Output != "" {
		text += "\nlast lines of its output:\n  " + strings.ReplaceAll(e.Output, "\n", "\n  ")
	}
	return text
}

func (e *PrepareError) Unwrap() error { return e.Err }

// Prepare runs the app's own steps (migrate, collectstatic, …) below dir and then asks
// Django whether a migration is missing. It returns the state folder, which every boot
// copies, and the build folder, which all boots share.
func Prepare(
	ctx context.Context, keeper *proc.Keeper, app targets.App, h Host, dir string,
) (state, build string, err error) {
	state, build = filepath.Join(dir, "state"), filepath.Join(dir, "build")
	for _, folder := range []string{state, build} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return "", "", fmt.Errorf("preparing the app: %w", err)
		}
	}
	app = app.Expand(targets.Places{State: state, Build: build, Secret: rand.Text()})
	vars := map[string]string{"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
	if app.Settings != "" {
		vars["DJANGO_SETTINGS_MODULE"] = app.Settings
	}
	maps.Copy(vars, app.Environment())
	env := slices.Clone(h.Env)
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, key+"="+vars[key])
	}
	steps := slices.Clone(app.Prepare)
	if app.Settings != "" && isFile(filepath.Join(app.Dir, "manage.py")) {
		steps = append(steps, []string{"python", "manage.py", "migrate", "--check", "-v0"})
	}
	for _, step := range steps {
		argv := slices.Clone(step)
		if argv[0] == "python" || argv[0] == "python3" {
			argv[0] = h.Tools.Path("python")
		}
		output, err := keeper.Run(ctx, proc.Spec{Name: filepath.Base(argv[0]), Argv: argv, Env: env, Dir: app.Dir})
		if err != nil {
			if slices.Contains(step, "--check") {
				if strings.Contains(output, "settings.DATABASES is improperly configured") {
					continue // an app without a database has nothing to migrate
				}
				err = fmt.Errorf("a migration is missing, or the database cannot be reached: %w", err)
			}
			return "", "", &PrepareError{Step: step, Output: output, Err: err}
		}
	}
	return state, build, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
