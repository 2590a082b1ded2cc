package lifecycle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/candor-ugc/candor/api/content"
)

// ImportRow is one content to be taken in from another system, as one JSON
// object on a line. A row with a question may bring its answers along.
type ImportRow struct {
	// Key names the row for good: the same key is the same content, whenever it
	// comes. Without one the row is named by everything it says.
	Key  string       `json:"key"`
	ID   string       `json:"id"`
	Kind content.Kind `json:"kind"`

	Source  string         `json:"source"`
	Product importProduct  `json:"product"`
	Board   string         `json:"board"`
	Parent  string         `json:"parent"`
	Author  importAuthor   `json:"author"`
	Answers []importAnswer `json:"answers"`
	State   content.State  `json:"state"`
	Votes   content.Votes  `json:"votes"`
	Created *time.Time     `json:"created_at"`

	Language     string            `json:"language"`
	Rating       *int              `json:"rating"`
	Ratings      map[string]int    `json:"ratings"`
	Title        string            `json:"title"`
	Body         string            `json:"body"`
	Question     string            `json:"question"`
	Attributes   map[string]string `json:"attributes"`
	Incentivized bool              `json:"incentivized"`
	Verified     bool              `json:"verified"`
	HelpfulVotes int               `json:"helpful_votes"`

	// named is whether the row brought a key of its own.
	named bool
}

type importAnswer struct {
	Body     string `json:"body"`
	From     string `json:"from"`
	Evidence string `json:"evidence"`
}

// importProduct is a product by id, or by id and name.
type importProduct struct{ ID, Name string }

func (p *importProduct) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &p.ID)
	}
	var v struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	p.ID, p.Name = v.ID, v.Name
	return nil
}

// importAuthor is a person by name, or by id, name and flags.
type importAuthor struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Verified bool   `json:"verified"`
	Staff    bool   `json:"staff"`
}

func (a *importAuthor) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &a.ID); err != nil {
			return err
		}
		a.Name = a.ID
		return nil
	}
	type plain importAuthor
	return json.Unmarshal(b, (*plain)(a))
}

// maxImportLine bounds one line of an import in bytes.
const maxImportLine = 1 << 20

// ParseImportRow reads one line. seen counts how often the very same line came
// before within its file: rows alike in every field, such as two ratings
// without a text, are two contents.
func ParseImportRow(line []byte, seen int) (*ImportRow, error) {
	if len(line) > maxImportLine {
		return nil, fmt.Errorf("the line has more than %d bytes", maxImportLine)
	}
	row := &ImportRow{}
	d := json.NewDecoder(bytes.NewReader(line))
	if err := d.Decode(row); err != nil {
		return nil, importJSONError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if row.Key == "" {
		row.Key = row.ID
	}
	if row.named = row.Key != ""; !row.named {
		sum := sha256.Sum256(bytes.TrimSpace(line))
		row.Key = hex.EncodeToString(sum[:]) + "/" + strconv.Itoa(seen)
	}
	return row, row.infer()
}

func importJSONError(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%s: must not be %s", kind.Field, kind.Value)
	}
	var parse *time.ParseError
	if errors.As(err, &parse) {
		return errors.New("created_at: must be an RFC 3339 time")
	}
	return errors.New("not a JSON object")
}

// infer fills in what the simpler forms of a row leave out.
func (r *ImportRow) infer() error {
	if r.Question != "" {
		r.Kind, r.Body = content.Question, r.Question
	}
	if r.Kind == "" {
		r.Kind = content.Review
	}
	switch {
	case !r.Kind.Valid():
		return fmt.Errorf("kind: %q is no kind of content", r.Kind)
	case r.Kind == content.Topic && r.Board == "":
		return errors.New("board: must not be empty")
	case r.Kind.IsReply() && r.Parent == "":
		return errors.New("parent: must not be empty")
	case !r.Kind.IsReply() && r.Kind != content.Topic && r.Product.ID == "":
		return errors.New("product: must not be empty")
	}
	return nil
}

// importID makes a content's id from the key of its row, so that importing again
// finds what is there. It has the form of a UUIDv7 (RFC 9562, section 5.7); the
// time is that of the content, the rest is hashed instead of random.
func importID(site, key string, created time.Time) string {
	sum := sha256.Sum256([]byte(site + "\x1f" + key))
	var u uuid.UUID
	copy(u[:], sum[:])
	ms := uint64(max(created.UnixMilli(), 0))
	for i := range 6 {
		u[i] = byte(ms >> (8 * (5 - i)))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u.String()
}
