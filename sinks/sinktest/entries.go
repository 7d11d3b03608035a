package sinktest

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"sluice/sinks/codec"
)

// Entries decodes what an object or a file of a name holds, as a reader would, by the name's extension: the lines of JSON, and of
// a table the column `entry`. Of what is torn the last one says what is wrong, for that is content too.
func Entries(name string, stored []byte) []string {
	_, ext, _ := strings.Cut(path.Base(name), ".")
	found, err := []string{}, error(nil)
	switch {
	case ext == "parquet":
		found, err = parquetEntries(stored)
	case strings.HasPrefix(ext, "csv"):
		found, err = csvEntries(stored, codec.Codec("json"+strings.TrimPrefix(ext, "csv"))) // which is compressed alike
	default:
		for line, problem := range codec.Lines(bytes.NewReader(stored), codec.Codec(ext)) {
			if err = problem; err == nil {
				found = append(found, string(line))
			}
		}
	}
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

func csvEntries(stored []byte, compressed codec.Codec) (found []string, err error) {
	in, err := codec.NewReader(bytes.NewReader(stored), compressed)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	reader, column := csv.NewReader(in), -1
	for {
		cells, err := reader.Read()
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return found, err
		case column < 0:
			if column = slices.Index(cells, "entry"); column < 0 {
				return nil, fmt.Errorf("no column entry in %v", cells)
			}
		default:
			found = append(found, cells[column])
		}
	}
}

func parquetEntries(stored []byte) (found []string, err error) {
	file, err := parquet.OpenFile(bytes.NewReader(stored), int64(len(stored)))
	if err != nil {
		return nil, err
	}
	leaf, ok := file.Schema().Lookup("entry")
	if !ok {
		return nil, fmt.Errorf("no column entry in %v", file.Schema())
	}
	reader := parquet.NewReader(file)
	defer reader.Close()
	row := make([]parquet.Row, 1)
	for {
		n, err := reader.ReadRows(row)
		if n > 0 {
			found = append(found, string(row[0][leaf.ColumnIndex].ByteArray()))
		}
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
	}
}
