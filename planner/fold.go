package planner

// Carry is the record with which a run of the change begins: what of the old record (nil for none) holds whatever
// happens next. Nodes that are kept are in it, with what they made; those that run are not. The old record itself is
// not changed. It is nil for a unit that is forgotten.
//
// A build's record has its builder and steps but no artifact and no posts: it may be written only when there is an
// artifact to put in. After that, each post link that ends is added to its chain, in order.
func (c *Change) Carry(old *UnitState) *UnitState {
	switch c.Action {
	case Forget:
		return nil
	case Build, Rebuild:
		u := &UnitState{Digest: c.Digest, Builder: c.Builder.Recorded, Posts: make([]ChainState, len(c.Posts))}
		for _, s := range c.Steps {
			u.Steps = append(u.Steps, s.Recorded)
		}
		return u
	}
	if old == nil {
		return nil
	}
	u := *old
	u.Posts = make([]ChainState, len(c.Posts))
	for i, links := range c.Posts {
		for j, l := range links {
			if l.Runs || i >= len(old.Posts) || j >= len(old.Posts[i].Links) {
				break
			}
			u.Posts[i].Links = append(u.Posts[i].Links, old.Posts[i].Links[j])
		}
	}
	return &u
}
