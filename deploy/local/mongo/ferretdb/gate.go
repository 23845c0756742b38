package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
)

// What is known of a message: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
const (
	headerBytes = 16
	mostBytes   = 48_000_000
	opMsg       = 2013
	moreToCome  = 1 << 1
	// Where the name of the command begins: behind the flags, the kind of the first section, the
	// length of its document and the type of its first element.
	nameAt = headerBytes + 4 + 1 + 4 + 1
)

// gate lets one write at a time through to the server. What still waits for its turn when its client
// hangs up is not written: a client that gave up asks again, and a server that is slower than its
// clients are patient would otherwise be busy for ever with what nobody waits for.
type gate struct {
	server string
	// Holds something while a write is under way.
	writing chan struct{}
}

func (g *gate) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Print(err)
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("unix", g.server)
			if err != nil {
				// It is not up yet, or no longer.
				return
			}
			defer server.Close()
			_ = g.relay(client, server)
		}()
	}
}

// relay passes messages on until one side has enough.
func (g *gate) relay(client, server net.Conn) error {
	requests, gone := make(chan []byte), make(chan struct{})
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(gone)
		for {
			request, err := read(client)
			if err != nil {
				return
			}
			select {
			case requests <- request:
			case <-done:
				return
			}
		}
	}()
	for {
		select {
		case request := <-requests:
			answer, err := g.ask(server, request, gone)
			if err != nil {
				return err
			}
			if _, err := client.Write(answer); err != nil {
				return err
			}
		case <-gone:
			return io.EOF
		}
	}
}

func (g *gate) ask(server net.Conn, request []byte, gone <-chan struct{}) ([]byte, error) {
	if isWrite(request) {
		select {
		case g.writing <- struct{}{}:
			defer func() { <-g.writing }()
		case <-gone:
			return nil, io.EOF
		}
	}
	return send(server, request)
}

func read(from io.Reader) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(from, length); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(length)
	if size < headerBytes || size > mostBytes {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	message := make([]byte, size)
	copy(message, length)
	_, err := io.ReadFull(from, message[4:])
	return message, err
}

func isMsg(message []byte) bool {
	return len(message) > nameAt && binary.LittleEndian.Uint32(message[12:]) == opMsg
}

func wantsNoAnswer(message []byte) bool {
	return isMsg(message) && binary.LittleEndian.Uint32(message[headerBytes:])&moreToCome != 0
}

// isWrite says whether it is a command that changes documents, or makes what it needs to.
func isWrite(message []byte) bool {
	if !isMsg(message) {
		return false
	}
	for _, name := range []string{"insert", "update", "delete", "findAndModify", "create", "createIndexes", "drop"} {
		if isNamed(message, name) {
			return true
		}
	}
	return false
}

func isNamed(message []byte, name string) bool {
	end := nameAt + len(name)
	return len(message) > end && string(message[nameAt:end]) == name && message[end] == 0
}
