package sheet

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

var (
	plainNumber = regexp.MustCompile(`^[+-]?\d{1,15}(\.\d{1,12})?$`)
	machine     = regexp.MustCompile(`^[+-]?\d{1,15}(\.\d{1,20})?([eE][+-]?\d{1,2})?$`)
	grouped     = regexp.MustCompile(`^[+-]?\d{1,3}(?:([.,'])\d{3})+$`)
)

// Number reads a number as people write it: 12, 12.5, 12,5, 1.234,50 or 1'234.50. What could be two numbers, like 1,234, is none: the error says so.
func (t Table) Number(cell string) (decimal.Decimal, error) {
	s := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\u00a0', '\u202f':
			return -1
		case '’':
			return '\''
		case '−':
			return '-'
		}
		return r
	}, cell)
	if t.exact && machine.MatchString(s) {
		n, err := decimal.NewFromString(s)
		return n.Round(12), err
	}
	if s == "" {
		return decimal.Zero, errors.New("a number is missing")
	}
	if m := grouped.FindStringSubmatch(s); m != nil && m[1] != "'" && strings.Count(s, m[1]) == 1 && !strings.HasPrefix(strings.TrimLeft(s, "+-"), "0") {
		digits := strings.ReplaceAll(s, m[1], "")
		return decimal.Zero, errors.New(strconv.Quote(cell) + " could be two numbers; write " + digits + ", or one digit less or more after the sign")
	}
	comma, point := strings.LastIndexByte(s, ','), strings.LastIndexByte(s, '.')
	s = strings.ReplaceAll(s, "'", "")
	switch {
	case comma >= 0 && point >= 0 && comma > point:
		s = strings.ReplaceAll(strings.ReplaceAll(s, ".", ""), ",", ".")
	case comma >= 0 && point >= 0:
		s = strings.ReplaceAll(s, ",", "")
	case strings.Count(s, ",") > 1:
		s = strings.ReplaceAll(s, ",", "")
	case strings.Count(s, ".") > 1:
		s = strings.ReplaceAll(s, ".", "")
	case comma >= 0:
		s = strings.Replace(s, ",", ".", 1)
	}
	if !plainNumber.MatchString(s) {
		return decimal.Zero, errors.New(strconv.Quote(cell) + " is not a number")
	}
	return decimal.NewFromString(s)
}

var days = []string{time.DateOnly, "2006/01/02", "2.1.2006", "02.01.2006", "20060102", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05"}

// Day reads a day: 2026-03-31, 31.3.2026, or the number by which a spreadsheet counts days. 03/04/2026 is two days in two countries, and none here.
func (t Table) Day(cell string) (portal.Date, error) {
	if cell == "" {
		return "", nil
	}
	if t.exact {
		if n, err := strconv.ParseFloat(cell, 64); err == nil && n > 20_000 && n < 80_000 { // 1954 to 2119
			return portal.DateOf(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(math.Floor(n)))), nil
		}
	}
	for _, layout := range days {
		if d, err := time.Parse(layout, cell); err == nil {
			return portal.DateOf(d), nil
		}
	}
	return "", errors.New(strconv.Quote(cell) + " is not a day; write it like 2026-03-31")
}

// A Fault says of a row why nothing came of it.
type Fault struct {
	Row  int    `json:"row" doc:"As the spreadsheet counts rows, from 1"`
	What string `json:"what" doc:"What the row is about"`
	Why  string `json:"why" doc:"Why nothing came of it"`
}
