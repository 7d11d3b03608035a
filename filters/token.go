package filters

// op is a comparison operator.
type op uint8

const (
	opHas op = iota // :
	opEq
	opNe
	opLt
	opLe
	opGt
	opGe
	opMatch    // =~
	opNotMatch // !~
)

var opText = [...]string{":", "=", "!=", "<", "<=", ">", ">=", "=~", "!~"}

func (o op) String() string { return opText[o] }

// regex says that the operator's operand is a pattern.
func (o op) regex() bool { return o == opMatch || o == opNotMatch }

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokText
	tokString
	tokOp
	tokOpen
	tokClose
	tokComma
	tokDot
	tokMinus
	tokStar
	tokBad // what no token begins with; or an unterminated string
)

// token is a piece of the query. For a string, text is what stands between the quotes, escapes and all.
type token struct {
	kind       tokenKind
	op         op
	quote      byte // of a string: ' or "
	text       string
	start, end int    // bytes in the query
	why        string // tokBad only: what is wrong with it, if there is more to say
}

// keyword says that the token is AND, OR or NOT in upper case.
func (t token) keyword() bool {
	return t.kind == tokText && (t.text == "AND" || t.text == "OR" || t.text == "NOT")
}

func (t token) is(word string) bool { return t.kind == tokText && t.text == word }
