/* Delays each P-DATA-TF PDU (PS3.8 9.3.5) that Orthanc sends. Only answers to C-STOREs and C-ECHOs are such. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

static void delay(int socket, const void *buffer, size_t length)
{
    int type;
    socklen_t size = sizeof type;
    const unsigned char *pdu = buffer;
    /* DCMTK writes a PDU's header by itself or before its data. Type 04H and a reserved byte begin it. */
    if (length >= 6 && pdu[0] == 4 && pdu[1] == 0 && getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0) {
        struct timespec time = { 0, DELAY_US * 1000L };
        nanosleep(&time, 0);
    }
}

ssize_t write(int file, const void *buffer, size_t length)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    delay(file, buffer, length);
    return real(file, buffer, length);
}

ssize_t send(int socket, const void *buffer, size_t length, int flags)
{
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real) real = (ssize_t (*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
    delay(socket, buffer, length);
    return real(socket, buffer, length, flags);
}
