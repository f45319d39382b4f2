package gate

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"bench/experiments"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// openBase makes base's stack, with head's bench.yaml if base cannot be prepared or booted as its own says: the
// change that is judged may be the one that corrects the file.
func (s *series) openBase(ctx context.Context) (*experiments.Stack, error) {
	stack, err := s.prepared(ctx, 0)
	app, differs := s.headsApp()
	if !differs || ctx.Err() != nil {
		return stack, err
	}
	why := err
	if err == nil {
		why = s.boots(ctx, stack)
	}
	var prepare *servers.PrepareError
	var boot *servers.BootError
	if !errors.As(why, &prepare) && !errors.As(why, &boot) || ctx.Err() != nil {
		return stack, err
	}
	if stack != nil {
		if err := stack.Close(); err != nil {
			return nil, err
		}
	}
	base, head := &s.versions[0], s.versions[1]
	base.project.App = app
	s.env.Warn(results.Diagnostic{Code: "heads-project-file", Message: fmt.Sprintf(
		"%s does not work as its own %s says: it is measured with that of %s", base.name, targets.ProjectFile, head.name)})
	return s.prepared(ctx, 0)
}

// headsApp is base's app as head's bench.yaml describes it, and whether that is another description.
func (s *series) headsApp() (app targets.App, differs bool) {
	own := s.versions[0].project.App
	app = s.versions[1].project.App
	app.Dir, app.Root, app.Python, app.Name, app.Requirements = own.Dir, own.Root, own.Python, own.Name, own.Requirements
	return app, !reflect.DeepEqual(app, own)
}

// boots tries one boot.
func (s *series) boots(ctx context.Context, stack *experiments.Stack) error {
	cluster, err := stack.Site.Boot(ctx, s.paired.Topology, stack.Project.App)
	if err != nil {
		return err
	}
	return cluster.Close()
}
