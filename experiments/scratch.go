package experiments

import (
	"errors"
	"sync"

	"bench/servers"
)

// Scratch is a folder that is gone when bench is, however bench ends: its keeper knows of it before it is
// made.
type Scratch struct {
	Dir    string
	Keeper *servers.Keeper

	closeOnce sync.Once
	closeErr  error
}

// NewScratch starts a keeper and makes the folder. On error nothing is left.
func (e Env) NewScratch(prefix string) (*Scratch, error) {
	keeper, err := servers.NewKeeper(e.Keeper)
	if err != nil {
		return nil, err
	}
	dir, err := keeper.MakeScratch(e.Temporary, prefix)
	if err != nil {
		return nil, errors.Join(err, keeper.Close())
	}
	return &Scratch{Dir: dir, Keeper: keeper}, nil
}

// Close ends what still runs under the keeper and removes the folder. It may be called more than once.
func (s *Scratch) Close() error {
	s.closeOnce.Do(func() { s.closeErr = errors.Join(s.Keeper.RemoveScratch(s.Dir), s.Keeper.Close()) })
	return s.closeErr
}
