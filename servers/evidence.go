package servers

import (
	"maps"
	"path/filepath"
	"strings"

	"bench/internal/proc"
	"bench/targets"
)

// Evidence returns the rendered configuration and the ends of the logs, named as in a run
// directory.
func (c *Cluster) Evidence() map[string][]byte {
	files := map[string][]byte{}
	for _, part := range c.parts {
		maps.Copy(files, part.Evidence())
	}
	if c.IsOnFleet() {
		return files
	}
	for _, p := range c.blueprint.Processes {
		for _, f := range p.Files {
			files[filepath.Join("conf", p.Name, filepath.Base(f.Path))] = []byte(f.Text)
		}
		files[filepath.Join("conf", p.Name, "command")] = []byte(strings.Join(p.Argv, " ") + "\n")
		files[evidenceLog(p)] = []byte(c.logTail(p, 200) + "\n")
	}
	return files
}

// evidenceLog is the name of a process's log in a run directory.
func evidenceLog(p Process) string { return filepath.Join("logs", p.Name+".log") }

// logTail is the end of a process's log, without the values of the app's secrets.
func (c *Cluster) logTail(p Process, lines int) string {
	if part := c.part(p.Host); part != nil {
		return proc.LastLines(string(part.Evidence()[evidenceLog(p)]), lines)
	}
	text := proc.LogTail(filepath.Join(p.Home, p.Name+".log"), lines)
	return targets.App{Secrets: c.blueprint.secrets}.Redact(text)
}
