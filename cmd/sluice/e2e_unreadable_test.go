package main

import (
	"fmt"
	"strings"
	"testing"
)

// unreadable makes lines that are no entries, by the reason that their dead letters give. The tag tells them apart.
var unreadable = map[string]func(tag string) string{
	"syntax":   func(tag string) string { return fmt.Sprintf(`{"tag":%q,`, tag) },
	"tooLarge": func(tag string) string { return fmt.Sprintf(`{"tag":%q,"pad":%q}`, tag, strings.Repeat("x", 1<<20)) },
	"depth": func(tag string) string {
		return fmt.Sprintf(`{"tag":%q,"a":%s1%s}`, tag, strings.Repeat("[", 10_000), strings.Repeat("]", 10_000))
	},
	"duplicateKey": func(tag string) string { return fmt.Sprintf(`{"tag":%q,"tag":1}`, tag) },
	"utf8":         func(tag string) string { return fmt.Sprintf("{\"tag\":%q,\"a\":\"\xff\"}", tag) },
	"control":      func(tag string) string { return fmt.Sprintf("{\"tag\":%q,\"a\":\"\x01\"}", tag) },
	"notObject":    func(tag string) string { return fmt.Sprintf(`[%q]`, tag) },
}

// What cannot be read, alone in its message or a line of a pack, is kept once in the dead letters with its reason; its neighbours
// are delivered, and so is all that follows.
func TestUnreadable(t *testing.T) {
	p := newPlace(t, `
routes:
  - name: all
    batch: {age: 50ms}
    sink: {file: {dir: out/all}}
`)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	s := p.stream()
	dead := make(map[string]string)
	var good []string
	for reason, make := range unreadable {
		alone, packed := make("alone"), make("packed")
		before, behind := fmt.Sprintf(`{"insertId":"before %s"}`, reason), fmt.Sprintf(`{"insertId": "behind %s"}`, reason)
		putOn(t, s, alone, before+"\n"+packed+"\n"+behind)
		dead[alone], dead[packed] = reason, reason
		good = append(good, before, behind)
	}
	good = append(good, `{"insertId":"last"}`)
	last := putOn(t, s, `{"insertId":"last"}`)
	d.await("delivery", p.settled(last, "all"))
	if p.health() != 200 {
		t.Error("the daemon is not well")
	}
	d.drain()
	p.settleUnreadable(last)
	p.same("out/all", good)
	p.diff("dead letters", dead, p.deadLetters())
	rows := p.balance()
	examined := uint64(len(good) + len(dead))
	p.diff("account", []uint64{examined, uint64(len(good)), examined, uint64(len(dead))},
		[]uint64{rows["all"].Examined, rows["all"].Delivered, rows["_unreadable"].Examined, rows["_unreadable"].Delivered})
}
