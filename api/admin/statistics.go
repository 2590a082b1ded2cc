package admin

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation/stats"
)

// statisticsPage is the figures of the last days, drawn and in tables.
type statisticsPage struct {
	*page
	Spans     []option
	Decisions int
	Median    string
	P90       string
	Rejected  share
	Overturn  share
	Machine   share
	Ageing    chart
	PerDay    chart
	Stars     chart
	StarsTest string
	// Tables of shares and counts.
	Moderators, LanguageShares, Kinds []share
	Reasons                           []counted
	Rules                             []counted
	Measured                          []share
}

// share is a part of a whole with its interval.
type share struct {
	Name             string
	Count, N         int
	Share, Low, High string
}

type counted struct {
	Name  string
	Count int
}

// spans are the days that can be looked at.
var spans = []string{"7", "30", "90", "365"}

func getStatistics(v *visit) error {
	days, err := strconv.Atoi(cmp.Or(v.r.URL.Query().Get("days"), "30"))
	if err != nil || !slices.Contains(spans, strconv.Itoa(days)) {
		days = 30
	}
	f, err := v.desk.Figures(v.ctx(), v.who, v.site, days)
	if err != nil {
		return err
	}
	p := statisticsPage{
		page: v.page("statistics.title"), Decisions: f.Decisions, Median: v.words.Span(f.Median), P90: v.words.Span(f.P90),
		Rejected: v.share("", f.Rejected), Overturn: v.share("", f.Overturned), Machine: v.share("", f.Machine),
		Ageing: v.ageingChart(f.Ageing), PerDay: v.dayChart(f.PerDay), Stars: v.starChart(f.Stars),
	}
	for _, s := range spans {
		n, _ := strconv.Atoi(s) // the list above holds numbers alone
		p.Spans = append(p.Spans, option{Value: s, Text: v.words.T("time.days", "n", n), On: n == days})
	}
	if f.StarsTest.Method != "" {
		key := "statistics.stars.independent"
		if f.StarsTest.P < 0.05 {
			key = "statistics.stars.dependent"
		}
		p.StarsTest = v.words.T(key, "p", strconv.FormatFloat(f.StarsTest.P, 'f', 3, 64))
	}
	p.Moderators = v.shares(f.Moderators, func(s string) string { return s })
	p.LanguageShares = v.shares(f.Languages, v.words.Language)
	p.Kinds = v.shares(f.Kinds, func(s string) string { return v.words.Or("kind."+s, s) })
	p.Reasons, p.Rules = counts(f.Reasons, v.reasonTitle), counts(f.Rules, func(s string) string { return s })
	for _, m := range f.Measured {
		s := stats.Share{N: m.N, Count: m.Agreed, Share: m.Precision, Low: m.Low, High: m.High}
		name := v.words.T("action."+m.Proposal) + " · " + v.words.Or("kind."+m.Kind, m.Kind) + " · " + v.words.Language(m.Language)
		p.Measured = append(p.Measured, v.share(name, s))
	}
	return v.render(http.StatusOK, "statistics", p)
}

func (v *visit) share(name string, s stats.Share) share {
	if s.N == 0 {
		return share{Name: name, Share: "–", Low: "–", High: "–"}
	}
	return share{
		Name: name, Count: s.Count, N: s.N, Share: v.words.Percent(s.Share), Low: v.words.Percent(s.Low), High: v.words.Percent(s.High),
	}
}

func (v *visit) shares(m map[string]*stats.Share, name func(string) string) []share {
	out := make([]share, 0, len(m))
	for _, k := range sortedKeys(m) {
		out = append(out, v.share(name(k), *m[k]))
	}
	slices.SortStableFunc(out, func(a, b share) int { return cmp.Compare(b.N, a.N) })
	return out[:min(len(out), 20)]
}

func counts(m map[string]int, name func(string) string) []counted {
	out := make([]counted, 0, len(m))
	for _, k := range sortedKeys(m) {
		out = append(out, counted{name(k), m[k]})
	}
	slices.SortStableFunc(out, func(a, b counted) int { return cmp.Compare(b.Count, a.Count) })
	return out[:min(len(out), 20)]
}

// drawn is a chart with the page it is on, for its words; tables alike.
type (
	drawn struct {
		P *page
		C chart
	}
	shareTable struct {
		P                 *page
		Title, Name, Part string
		Rows              []share
	}
	countTable struct {
		P           *page
		Title, Name string
		Rows        []counted
	}
)

// Drawn puts a chart on the page.
func (p statisticsPage) Drawn(c chart) drawn { return drawn{p.page, c} }

// Shares puts a table of shares on the page.
func (p statisticsPage) Shares(title, part string, rows []share) shareTable {
	return shareTable{p.page, p.T(title), p.T("statistics.name"), p.T(part), rows}
}

// Counts puts a table of counts on the page.
func (p statisticsPage) Counts(title string, rows []counted) countTable {
	return countTable{p.page, p.T(title), p.T("statistics.name"), rows}
}

// chart is columns drawn as SVG, with what it says in words and the figures in a
// table.
type chart struct {
	Title, Text string
	Head        []string
	Table       [][]string
	Width       int
	Height      int
	Columns     []column
	Whiskers    []whisker
	Labels      []label
	Lines       []int // heights of the grid's lines
	Legend      []legend
	Empty       bool
}

type column struct {
	X, Y, W, H float64
	Class      string
}

type whisker struct{ Path string }

type label struct {
	X, Y   float64
	Anchor string
	Text   string
}

type legend struct{ Class, Text string }

// The drawing is 640 wide; the plot leaves room for labels.
const (
	chartWidth  = 640
	chartHeight = 220
	plotLeft    = 44
	plotTop     = 12
	plotBottom  = 190
)

// plot begins a chart whose full height stands for most, in steps of a quarter.
func plot(title string, most float64, tick func(float64) string) chart {
	c := chart{Title: title, Width: chartWidth, Height: chartHeight, Empty: most <= 0}
	for i := range 3 {
		share := float64(i) / 2
		y := plotBottom - share*(plotBottom-plotTop)
		c.Lines = append(c.Lines, int(y))
		c.Labels = append(c.Labels, label{X: plotLeft - 6, Y: y + 4, Anchor: "end", Text: tick(share * most)})
	}
	return c
}

func height(value, most float64) float64 {
	if most <= 0 {
		return 0
	}
	return math.Round(10*value/most*(plotBottom-plotTop)) / 10
}

// even rounds a maximum up so that its half is a whole number.
func even(n int) float64 { return float64(max(2, n+n%2)) }

func (v *visit) tick(f float64) string { return v.words.N(int(math.Round(f))) }

func (v *visit) ageingChart(buckets []stats.Bucket) chart {
	most := 0
	for _, b := range buckets {
		most = max(most, b.Count)
	}
	c := plot(v.words.T("statistics.ageing"), even(most), v.tick)
	c.Empty = most == 0
	c.Head = []string{v.words.T("statistics.ageing.span"), v.words.T("statistics.count")}
	step := float64(chartWidth-plotLeft) / float64(max(len(buckets), 1))
	var said []string
	var last time.Duration
	for i, b := range buckets {
		name := v.words.T("statistics.upto", "span", v.words.Span(b.Upto))
		if b.Upto == 0 {
			name = v.words.T("statistics.above", "span", v.words.Span(last))
		}
		last = b.Upto
		h := height(float64(b.Count), even(most))
		x := plotLeft + float64(i)*step
		c.Columns = append(c.Columns, column{X: round1(x + step*.2), Y: plotBottom - h, W: round1(step * .6), H: h})
		c.Labels = append(c.Labels, label{X: round1(x + step/2), Y: plotBottom + 18, Anchor: "middle", Text: name})
		c.Table = append(c.Table, []string{name, v.words.N(b.Count)})
		said = append(said, name+": "+v.words.N(b.Count))
	}
	c.Text = strings.Join(said, "; ")
	return c
}

func (v *visit) dayChart(days []lifecycle.Day) chart {
	most, total := 0, 0
	for _, d := range days {
		most = max(most, d.Approved+d.Rejected)
		total += d.Approved + d.Rejected
	}
	c := plot(v.words.T("statistics.perDay"), even(most), v.tick)
	c.Empty = most == 0
	c.Head = []string{v.words.T("statistics.day"), v.words.T("state.approved"), v.words.T("state.rejected"), v.words.T("statistics.machine")}
	c.Legend = []legend{{"", v.words.T("state.approved")}, {"b", v.words.T("state.rejected")}}
	step := float64(chartWidth-plotLeft) / float64(max(len(days), 1))
	for i, d := range days {
		x := plotLeft + float64(i)*step
		yes, no := height(float64(d.Approved), even(most)), height(float64(d.Rejected), even(most))
		w := max(round1(step*.7), .5)
		c.Columns = append(c.Columns,
			column{X: round1(x), Y: plotBottom - yes, W: w, H: yes}, column{X: round1(x), Y: round1(plotBottom - yes - no), W: w, H: no, Class: "b"})
		if i == 0 || i == len(days)-1 {
			anchor := "start"
			if i > 0 {
				anchor = "end"
				x += step
			}
			c.Labels = append(c.Labels, label{X: round1(x), Y: plotBottom + 18, Anchor: anchor, Text: v.words.digits(d.Date)})
		}
		if d.Approved+d.Rejected > 0 {
			c.Table = append(c.Table, []string{v.words.digits(d.Date), v.words.N(d.Approved), v.words.N(d.Rejected), v.words.N(d.Machine)})
		}
	}
	c.Text = v.words.T("statistics.perDay.text", "n", total, "most", most)
	return c
}

func (v *visit) starChart(byStars [5]stats.Share) chart {
	c := plot(v.words.T("statistics.stars"), 1, v.words.Percent)
	c.Empty = true
	c.Head = []string{v.words.T("field.rating"), v.words.T("statistics.decisions"), v.words.T("statistics.rejected"), v.words.T("statistics.interval")}
	step := float64(chartWidth-plotLeft) / 5
	var said []string
	for i, s := range byStars {
		c.Empty = c.Empty && s.N == 0
		name := strings.Repeat("★", i+1)
		x := plotLeft + float64(i)*step
		c.Labels = append(c.Labels, label{X: round1(x + step/2), Y: plotBottom + 18, Anchor: "middle", Text: name})
		c.Table = append(c.Table, []string{v.words.T("stars", "n", i+1), v.words.N(s.N), v.words.Percent(s.Share), v.words.Percent(s.Low) + " – " + v.words.Percent(s.High)})
		if s.N == 0 {
			continue
		}
		said = append(said, v.words.T("stars", "n", i+1)+": "+v.words.Percent(s.Share))
		h := height(s.Share, 1)
		c.Columns = append(c.Columns, column{X: round1(x + step*.25), Y: plotBottom - h, W: round1(step * .5), H: h})
		low, high := plotBottom-height(s.Low, 1), plotBottom-height(s.High, 1)
		middle := x + step/2
		n := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
		c.Whiskers = append(c.Whiskers, whisker{"M" + n(middle) + " " + n(low) + "V" + n(high) + "M" + n(middle-6) + " " + n(high) + "h12M" + n(middle-6) + " " + n(low) + "h12"})
	}
	c.Text = strings.Join(said, "; ")
	return c
}

func round1(f float64) float64 { return math.Round(f*10) / 10 }
