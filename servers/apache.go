package servers

import (
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	apache  = "apache2"
	modWSGI = "mod-wsgi"
)

// apacheModules are the folders in which distributions keep Apache's modules.
var apacheModules = []string{
	"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/local/apache2/modules",
}

// findApache finds Apache under the name that the distribution gives it. Its fact "modules" is the folder of
// its modules.
func findApache(ctx context.Context, s search, name string) (Tool, error) {
	tool, err := findSystem(ctx, s, name)
	if err == nil && tool.Path == "" {
		tool, err = findSystem(ctx, s, "httpd")
	}
	at := slices.IndexFunc(apacheModules, isDir)
	if err != nil || tool.Path == "" || at < 0 {
		return Tool{}, err
	}
	tool.Facts = map[string]string{"modules": apacheModules[at]}
	return tool, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// modWSGIQuestion asks an interpreter for the module that was built for it, and for what another module would
// need: its minor version, and where its shared library is.
const modWSGIQuestion = `import glob, os, sys, sysconfig
from importlib import metadata, util
try:
    found = util.find_spec("mod_wsgi").submodule_search_locations[0]
    print(metadata.version("mod-wsgi"))
    print(glob.glob(os.path.join(glob.escape(found), "server", "mod_wsgi-py*.so"))[0])
except (AttributeError, IndexError, metadata.PackageNotFoundError):
    print(); print()
print("%d.%d" % sys.version_info[:2])
print(sysconfig.get_config_var("LIBDIR") if sysconfig.get_config_var("Py_ENABLE_SHARED") else "")
print(sys.base_prefix)`

// findModWSGI looks for the module in the interpreter's environment, then among Apache's: one that was built for
// the same minor version of Python fits. Its path is that of the module. Its fact "library" is the folder of
// the interpreter's own shared library, where the module has to be told: the standard library in the app's
// environment goes with that one, and not with the system's.
func findModWSGI(ctx context.Context, s search, _ string) (Tool, error) {
	python := s.found.Path("python")
	if python == "" {
		return Tool{}, nil
	}
	out, err := exec.CommandContext(ctx, python, "-c", modWSGIQuestion).Output()
	said := strings.Split(string(out), "\n")
	if err != nil || len(said) < 5 {
		return Tool{}, ctx.Err()
	}
	version, module, minor, library, base := said[0], said[1], said[2], said[3], said[4]
	if module != "" {
		return Tool{Path: module, Version: version, How: "imported by the interpreter"}, nil
	}
	const system = "/usr"
	if library == "" && base != system {
		return Tool{}, nil // a module cannot load an interpreter that has no shared library
	}
	for _, dir := range apacheModules {
		candidates, _ := filepath.Glob(filepath.Join(dir, "mod_wsgi*.so*")) // the pattern is valid
		for _, path := range candidates {
			if !buildsOn(path, minor) {
				continue
			}
			tool := Tool{Path: path, Version: "for Python " + minor, How: "in " + dir, Facts: map[string]string{}}
			if base != system {
				tool.Facts["library"] = library
			}
			return tool, nil
		}
	}
	return Tool{}, nil
}

// buildsOn reports whether a shared object loads the library of a minor version of Python.
func buildsOn(path, minor string) bool {
	file, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	return err == nil && slices.ContainsFunc(libraries, func(name string) bool {
		return strings.HasPrefix(name, "libpython"+minor+".so") || strings.HasPrefix(name, "libpython"+minor+"m.so")
	})
}

// findUnshare looks for the program that runs another as somebody who is not root, as far as that one sees.
func findUnshare(ctx context.Context, s search, name string) (Tool, error) {
	tool := Tool{Path: LookPath(name, s.path), How: "on PATH"}
	if tool.Path == "" {
		return Tool{}, nil
	}
	const anyone = "1000"
	try := exec.CommandContext(ctx, tool.Path, "--user", "--map-user="+anyone, "--map-group="+anyone, "true")
	if err := try.Run(); err != nil {
		return Tool{}, ctx.Err()
	}
	tool.Version = version(ctx, tool.Path, "--version")
	return tool, nil
}
