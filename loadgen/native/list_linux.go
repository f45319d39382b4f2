package native

// list is a doubly linked list of connections.
type list struct {
	first, last *conn
	length      int
}

// push puts c first, append last.
func (l *list) push(c *conn)   { l.insertAfter(nil, c) }
func (l *list) append(c *conn) { l.insertAfter(l.last, c) }

// insert puts c where its deadline belongs: last, except for a request that is sent again.
func (l *list) insert(c *conn) {
	after := l.last
	for after != nil && after.deadline > c.deadline {
		after = after.prev
	}
	l.insertAfter(after, c)
}

// insertAfter puts c after another one, or first if there is none.
func (l *list) insertAfter(after, c *conn) {
	c.prev, c.next = after, l.first
	if after != nil {
		c.next = after.next
		after.next = c
	} else {
		l.first = c
	}
	if c.next != nil {
		c.next.prev = c
	} else {
		l.last = c
	}
	l.length++
}

func (l *list) remove(c *conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.last = c.prev
	}
	c.prev, c.next = nil, nil
	l.length--
}
