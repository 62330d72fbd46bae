package lane

import "syscall"

// Attach attaches to the link that the Rust half has made. The worker attaches first.
func Attach(side Side, descriptor string) (*Link, error) {
	address := &syscall.SockaddrUnix{Name: descriptor}
	if side == Home {
		return &Link{Connect: func() (int, error) {
			fd, err := socket()
			if err == nil {
				err = syscall.Connect(fd, address)
			}
			return fd, err
		}}, nil
	}
	listener, err := socket()
	if err == nil {
		err = syscall.Bind(listener, address)
	}
	if err == nil {
		err = syscall.Listen(listener, 1024)
	}
	return &Link{
		Listen: func() (int, error) {
			fd, _, err := syscall.Accept(listener)
			return fd, err
		},
		End: func() { syscall.Shutdown(listener, syscall.SHUT_RDWR) },
	}, err
}

func socket() (int, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err
}
