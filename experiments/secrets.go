package experiments

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bench/targets"
)

// withSecrets reads the variables that the app takes from bench's own environment and from its
// environment file. The servers get nothing else of that environment, which may hold secrets.
func (e Env) withSecrets(app targets.App) (targets.App, error) {
	app.Secrets = map[string]string{}
	if app.EnvFile != "" {
		file := envFile(app)
		text, err := os.ReadFile(file)
		if err != nil {
			return app, Misusef("app.env_file: %w", err)
		}
		if app.Secrets, err = targets.ParseEnvFile(string(text)); err != nil {
			return app, Misusef("app.env_file: %s: %w", file, err)
		}
	}
	own := map[string]string{}
	for _, pair := range e.User {
		name, value, _ := strings.Cut(pair, "=")
		own[name] = value
	}
	var missing []error
	for _, name := range app.EnvFrom {
		value, set := own[name]
		if !set {
			missing = append(missing, fmt.Errorf("app.env_from: %s is not set in the environment: set it, "+
				"or give a value in app.env", name))
		}
		app.Secrets[name] = value
	}
	if err := errors.Join(missing...); err != nil {
		return app, Misuse(err)
	}
	return app, nil
}

// envFile is the path of the app's environment file. One that git ignores is not among the files of a
// version, but in the folder that the state comes from.
func envFile(app targets.App) string {
	if filepath.IsAbs(app.EnvFile) {
		return app.EnvFile
	}
	file := filepath.Join(app.Folder(), app.EnvFile)
	if from := filepath.Join(cmp.Or(app.StateFrom, app.Folder()), app.EnvFile); !IsFile(file) && IsFile(from) {
		return from
	}
	return file
}
