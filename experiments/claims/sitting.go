package claims

import (
	"hash/fnv"
	"maps"
	"reflect"
	"slices"
	"time"

	"bench/scenarios"
	"bench/scenarios/claims"
)

// sitting is claims that are tested together. In each of its blocks, arms of several claims that are the same
// server are booted once, and what several claims do to it alike is done once: its cells are evidence for all of
// them.
type sitting struct {
	claims []claims.Claim
	boots  []boot
	blocks int
	each   time.Duration // of a block, roughly
}

// boot is a server that is booted once in every block of a sitting.
type boot struct {
	arm   claims.Arm // of the first of its claims
	name  string     // that no other boot has
	needs string
	steps []claims.Step
	users []user
}

// user is an arm of a claim.
type user struct{ claim, arm string }

// longestBlock bounds a block with several claims: the arms of a claim are compared within it, and a machine
// drifts.
const longestBlock = 40 * time.Second

// seat distributes claims over sittings, in their order: a claim joins the first sitting with a server that is
// also one of its own, and with room.
func seat(all []claims.Claim, p preset) (sittings []sitting) {
	for _, c := range all {
		alone := sitting{blocks: p.blocksOf(c)}.with(c, p)
		at := slices.IndexFunc(sittings, func(s sitting) bool {
			more := s.with(c, p)
			return s.blocks == alone.blocks && len(more.boots) < len(s.boots)+len(alone.boots) && more.each <= longestBlock
		})
		if at < 0 {
			sittings = append(sittings, alone)
			continue
		}
		sittings[at] = sittings[at].with(c, p)
	}
	return sittings
}

// with is the sitting with one more claim.
func (s sitting) with(c claims.Claim, p preset) sitting {
	s.claims = append(slices.Clip(s.claims), c)
	s.boots = slices.Clone(s.boots)
	for _, arm := range c.Arms {
		at := slices.IndexFunc(s.boots, func(b boot) bool { return b.serves(c, arm) })
		if at < 0 {
			at = len(s.boots)
			s.boots = append(s.boots, boot{arm: arm, name: unique(c, arm).Name, needs: c.Needs()})
		}
		s.boots[at] = s.boots[at].with(c, arm)
	}
	s.each = 0
	for _, b := range s.boots {
		s.each += bootAndStop + p.warmup
		for _, step := range b.steps {
			s.each += step.Does.Lasts(p.stretch)
		}
	}
	return s
}

// with is the boot with what a claim does to one of its arms.
func (b boot) with(c claims.Claim, arm claims.Arm) boot {
	b.steps, b.users = slices.Clip(b.steps), append(slices.Clip(b.users), user{c.Name, arm.Name})
	for _, step := range c.StepsOf(arm) {
		if b.step(step.Name) == nil {
			b.steps = append(b.steps, step)
		}
	}
	return b
}

// step finds a step by its name.
func (b boot) step(name string) *claims.Step {
	at := slices.IndexFunc(b.steps, func(s claims.Step) bool { return s.Name == name })
	if at < 0 {
		return nil
	}
	return &b.steps[at]
}

// serves reports whether an arm of another claim is the same server, to which that claim does nothing that would
// contradict what is done to it already.
func (b boot) serves(c claims.Claim, arm claims.Arm) bool {
	if b.usedBy(c.Name) || b.needs != c.Needs() || b.arm.Topology != arm.Topology || b.arm.WSGI != arm.WSGI ||
		b.arm.Relay != arm.Relay || !maps.Equal(b.arm.Env, arm.Env) {
		return false
	}
	own := c.StepsOf(arm)
	if slices.ContainsFunc(own, claims.Step.Alone) || slices.ContainsFunc(b.steps, claims.Step.Alone) {
		return false
	}
	return !slices.ContainsFunc(own, func(s claims.Step) bool {
		known := b.step(s.Name)
		return known != nil && !reflect.DeepEqual(*known, s)
	})
}

func (b boot) usedBy(claim string) bool {
	return slices.ContainsFunc(b.users, func(u user) bool { return u.claim == claim })
}

// nameOf is the name of the boot that is an arm of a claim.
func (s sitting) nameOf(claim, arm string) string {
	at := slices.IndexFunc(s.boots, func(b boot) bool { return slices.Contains(b.users, user{claim, arm}) })
	return s.boots[at].name
}

func (s sitting) names() (names []string) {
	for _, c := range s.claims {
		names = append(names, c.Name)
	}
	return names
}

func (s sitting) lasts() time.Duration { return time.Duration(s.blocks) * s.each }

// arms are the boots as the topologies of a run.
func (s sitting) arms() (arms []scenarios.Arm) {
	for _, b := range s.boots {
		arms = append(arms, scenarios.Arm{Name: b.name, Topology: b.arm.Topology})
	}
	return arms
}

// seedOf is the seed of a step in a block: all arms to which it is done get the same requests.
func seedOf(seed uint64, step string, block int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(step)) // cannot fail
	return h.Sum64() ^ seed ^ uint64(block)<<48
}
