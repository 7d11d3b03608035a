package logentry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPath(t *testing.T) {
	p := PathLabels.Key("k8s-pod/app", "x")
	want := Path{{Key: "labels", Fold: true}, {Key: "k8s-pod/app"}, {Key: "x"}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, want := p.String(), `labels."k8s-pod/app".x`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !p.Equal(want) || p.Equal(want[:2]) || p.Equal(Field("labels", "k8s-pod/app", "x")) {
		t.Error("Equal does not compare segment by segment")
	}
}

func TestKeyCopies(t *testing.T) {
	base := make(Path, 1, 4)
	base[0] = Segment{Key: "labels"}
	a, b := base.Key("a"), base.Key("b")
	if a[1].Key != "a" || b[1].Key != "b" {
		t.Errorf("paths share memory: %v, %v", a, b)
	}
}

func TestSlotTellsSegmentsApart(t *testing.T) {
	f := NewFields(Field("ab"), Path{}.Key("ab"), Field("a_b"), Field("ab"), Field("x", "insertId"), Path{}.Key("insert_id"))
	slots := map[int]bool{}
	for _, p := range []Path{Field("ab"), Path{}.Key("ab"), Field("a_b"), Field("x", "insertId"), PathInsertID} {
		slots[f.Slot(p)] = true
	}
	if len(slots) != 5 || slots[-1] {
		t.Errorf("slots %v", slots)
	}
	if a, b := f.Slot(PathInsertID), f.Slot(Field("INSERT_id")); a != b {
		t.Errorf("insertId has slots %d and %d", a, b)
	}
	for _, p := range []Path{{}, Field("x"), Field("AB"), Path{}.Key("x", "insertId"), Field("ab", "c")} {
		if got := f.Slot(p); got != -1 {
			t.Errorf("slot of %q: %d", p, got)
		}
	}
}
