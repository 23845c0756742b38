package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// FerretDB holds one of its hundred connections to SQLite for each statement of an `update` until the
// command ends; with a hundred of them it waits for itself, for ever. MongoDB takes thousands. So a
// longer command goes in parts.
const mostStatements = 64

// Where the document of a command begins, behind the kind of its section.
const bodyAt = headerBytes + 4 + 1

// inParts gives the messages that a message is sent as: itself, if it is short enough.
func inParts(request []byte) ([][]byte, error) {
	whole := [][]byte{request}
	if !isMsg(request) || !isNamed(request, "update") {
		return whole, nil
	}
	elements, err := bson.Raw(request[bodyAt:]).Elements()
	if err != nil {
		return nil, err
	}
	var rest []byte
	var statements []bson.RawValue
	for _, element := range elements {
		if array, ok := element.Value().ArrayOK(); ok && element.Key() == "updates" {
			if statements, err = array.Values(); err != nil {
				return nil, err
			}
		} else {
			rest = append(rest, element...)
		}
	}
	if len(statements) <= mostStatements {
		return whole, nil
	}
	var parts [][]byte
	for len(statements) > 0 {
		count := min(len(statements), mostStatements)
		array := bsoncore.NewArrayBuilder()
		for _, statement := range statements[:count] {
			array.AppendDocument(statement.Document())
		}
		updates := bsoncore.AppendArrayElement(nil, "updates", array.Build())
		// The name of the command must come first.
		parts = append(parts, message(request, bsoncore.BuildDocument(nil, rest, updates)))
		statements = statements[count:]
	}
	return parts, nil
}

// done is a good answer to an `update`.
type done struct {
	N        int32 `bson:"n"`
	Modified int32 `bson:"nModified"`
	Upserted []struct {
		Index int32 `bson:"index"`
		ID    any   `bson:"_id"`
	} `bson:"upserted,omitempty"`
	OK float64 `bson:"ok"`
}

// together makes one answer of those to all parts. It is not good as soon as one of them is not: FerretDB
// itself gives up at the first statement that fails.
func together(answers [][]byte) ([]byte, error) {
	last := answers[len(answers)-1]
	if len(answers) == 1 || !isGood(last) {
		return last, nil
	}
	all := done{OK: 1}
	for at, answer := range answers {
		var one done
		if err := bson.Unmarshal(answer[bodyAt:], &one); err != nil {
			return nil, err
		}
		all.N += one.N
		all.Modified += one.Modified
		for _, upserted := range one.Upserted {
			upserted.Index += int32(at * mostStatements)
			all.Upserted = append(all.Upserted, upserted)
		}
	}
	body, err := bson.Marshal(all)
	return message(last, body), err
}

// isGood says whether all statements of a part took place.
func isGood(answer []byte) bool {
	if !isMsg(answer) {
		return false
	}
	body := bson.Raw(answer[bodyAt:])
	_, err := body.LookupErr("writeErrors")
	ok, isNumber := body.Lookup("ok").DoubleOK()
	return err != nil && isNumber && ok == 1
}

// message is another one with this document.
func message(like, body []byte) []byte {
	made := append(append([]byte{}, like[:bodyAt]...), body...)
	binary.LittleEndian.PutUint32(made, uint32(len(made)))
	return made
}

// send asks the server, in as many parts as it takes.
func send(server io.ReadWriter, request []byte) ([]byte, error) {
	parts, err := inParts(request)
	if err != nil {
		return nil, fmt.Errorf("a command that cannot be read: %w", err)
	}
	var answers [][]byte
	for _, part := range parts {
		if _, err := server.Write(part); err != nil {
			return nil, err
		}
		if wantsNoAnswer(part) {
			return nil, nil
		}
		answer, err := read(server)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
		if !isGood(answer) {
			break
		}
	}
	return together(answers)
}
