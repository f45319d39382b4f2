package results

import (
	"cmp"
	"encoding/json"
)

// runSchema1 is the version of run directories that told kinds apart by which of two keys was
// there. They are read, and never written.
const runSchema1 = "bench.run/1"

// manifestOfSchema1 reads a manifest of the first version as one of this version.
func manifestOfSchema1(data []byte) (Manifest, error) {
	var old struct {
		Manifest
		Command  string    `json:"command"`
		Gate     *Gate     `json:"duel"`
		Capacity *Capacity `json:"capacity"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return Manifest{}, err
	}
	m := old.Manifest
	m.Kind = cmp.Or(old.Command, m.Name)
	var spec, findings any
	switch {
	case old.Gate != nil:
		m.Kind, spec, findings = KindGate, old.Gate.GateSpec, old.Gate.GateFindings
	case old.Capacity != nil:
		m.Kind, spec, findings = KindCapacity, old.Capacity.CapacitySpec, old.Capacity.CapacityFindings
	default:
		return m, nil
	}
	var err error
	if m.Spec, err = Encode(spec); err == nil {
		m.Findings, err = Encode(findings)
	}
	return m, err
}
