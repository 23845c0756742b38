package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
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

// gate lets one write at a time through to the server.
type gate struct {
	server  string
	writing sync.Mutex
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
	for {
		request, err := read(client)
		if err != nil {
			return err
		}
		answer, err := g.ask(server, request)
		if err != nil {
			return err
		}
		if _, err := client.Write(answer); err != nil {
			return err
		}
	}
}

func (g *gate) ask(server net.Conn, request []byte) ([]byte, error) {
	if isWrite(request) {
		g.writing.Lock()
		defer g.writing.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	if wantsNoAnswer(request) {
		return nil, nil
	}
	return read(server)
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
		end := nameAt + len(name)
		if len(message) > end && string(message[nameAt:end]) == name && message[end] == 0 {
			return true
		}
	}
	return false
}
