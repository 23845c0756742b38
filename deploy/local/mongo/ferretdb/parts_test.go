package main

import (
	"encoding/binary"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

func msg(t *testing.T, document any) []byte {
	t.Helper()
	body, err := bson.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, bodyAt)
	binary.LittleEndian.PutUint32(head[12:], opMsg)
	return message(head, body)
}

func update(t *testing.T, count int) []byte {
	statements := bson.A{}
	for number := range count {
		statements = append(statements, bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: number}}}})
	}
	return msg(t, bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: statements}, {Key: "ordered", Value: false}})
}

func TestALongUpdateGoesInParts(t *testing.T) {
	for _, count := range []int{0, 1, mostStatements, mostStatements + 1, 500} {
		parts, err := inParts(update(t, count))
		if err != nil {
			t.Fatal(err)
		}
		next := int32(0)
		for _, part := range parts {
			if !isNamed(part, "update") || int(binary.LittleEndian.Uint32(part)) != len(part) {
				t.Fatalf("a part that is no update: %v", part)
			}
			var command struct {
				Updates []struct {
					Q struct {
						ID int32 `bson:"_id"`
					}
				}
				Ordered *bool
			}
			if err := bson.Unmarshal(part[bodyAt:], &command); err != nil {
				t.Fatal(err)
			}
			if len(command.Updates) > mostStatements || command.Ordered == nil {
				t.Fatalf("%d statements", len(command.Updates))
			}
			for _, one := range command.Updates {
				if one.Q.ID != next {
					t.Fatalf("statement %d instead of %d", one.Q.ID, next)
				}
				next++
			}
		}
		if int(next) != count {
			t.Fatalf("%d statements of %d", next, count)
		}
	}
}

func TestAnswersAreAddedUp(t *testing.T) {
	good := msg(t, bson.D{{Key: "n", Value: int32(3)}, {Key: "nModified", Value: int32(2)}, {Key: "ok", Value: 1.0}})
	answer, err := together([][]byte{good, good})
	if err != nil {
		t.Fatal(err)
	}
	var all done
	if err := bson.Unmarshal(answer[bodyAt:], &all); err != nil || all.N != 6 || all.Modified != 4 || all.OK != 1 {
		t.Fatalf("%v %v", all, err)
	}
}

func TestAFailedPartIsTheAnswer(t *testing.T) {
	good := msg(t, bson.D{{Key: "n", Value: int32(3)}, {Key: "ok", Value: 1.0}})
	for _, bad := range []bson.D{
		{{Key: "n", Value: int32(0)}, {Key: "writeErrors", Value: bson.A{bson.D{{Key: "code", Value: int32(11000)}}}}, {Key: "ok", Value: 1.0}},
		{{Key: "code", Value: int32(1)}, {Key: "ok", Value: 0.0}},
	} {
		bad := msg(t, bad)
		answer, err := together([][]byte{good, bad})
		if err != nil || string(answer) != string(bad) {
			t.Fatalf("%v %v", answer, err)
		}
	}
}
