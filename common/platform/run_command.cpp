#include "common/platform/run_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <array>
#include <cerrno>
#include <utility>

extern char** environ;

namespace relay::platform {
namespace {

using steady = std::chrono::steady_clock;

class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    ~descriptor() { reset(); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int get() const noexcept { return fd_; }
    void reset()
    {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }

private:
    int fd_;
};

// A child that leads a process group of its own; killed and reaped wherever we leave.
class child {
public:
    explicit child(pid_t pid) : pid_(pid) {}
    ~child()
    {
        if (pid_ > 0) {
            ::kill(-pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    // True where it ended by itself with 0 before `deadline`.
    bool succeeded(steady::time_point deadline)
    {
        for (;;) {
            int status = 0;
            const auto ended = ::waitpid(pid_, &status, WNOHANG);
            if (ended == pid_) {
                ::kill(-std::exchange(pid_, -1), SIGKILL); // what it left behind
                return WIFEXITED(status) && WEXITSTATUS(status) == 0;
            }
            if (ended < 0 || steady::now() >= deadline)
                return false;
            ::poll(nullptr, 0, 5); // its output is closed, so the end is near
        }
    }

private:
    pid_t pid_;
};

pid_t start(const std::vector<std::string>& argv, int input, int output)
{
    std::vector<char*> arguments;
    arguments.reserve(argv.size() + 1);
    for (const auto& a : argv)
        arguments.push_back(const_cast<char*>(a.c_str())); // posix_spawn does not write to them
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none); // ours may be blocked on this thread
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    pid_t pid = -1;
    if (::posix_spawn(&pid, argv.front().c_str(), &files, &attributes, arguments.data(), environ) != 0)
        pid = -1;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

// The read end of a pipe that holds `text` and then ends; -1 where there is none to be had. The pipe takes it all, so
// nobody waits for a reader.
int pipe_with(std::string_view text)
{
    std::array<int, 2> ends{};
    if (text.size() > most_input_bytes || ::pipe2(ends.data(), O_CLOEXEC) != 0)
        return -1;
    const descriptor write_end(ends[1]);
    if (::write(write_end.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
        return ends[0];
    ::close(ends[0]);
    return -1;
}

} // namespace

result<std::string> run_command(const std::vector<std::string>& argv, std::chrono::milliseconds limit,
                                std::size_t most_bytes, std::string_view input)
{
    if (argv.empty() || !argv.front().starts_with('/'))
        return errc::bad_credentials_source;
    const descriptor given(input.empty() ? ::open("/dev/null", O_RDONLY | O_CLOEXEC) : pipe_with(input));
    if (given.get() < 0)
        return errc::bad_credentials_source;
    const auto deadline = steady::now() + limit;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return errc::bad_credentials_source;
    descriptor read_end(ends[0]), write_end(ends[1]);
    const auto pid = start(argv, given.get(), write_end.get());
    if (pid < 0)
        return errc::bad_credentials_source;
    child process(pid);
    write_end.reset();

    std::string output;
    const auto refuse = [&]() -> result<std::string> {
        OPENSSL_cleanse(output.data(), output.size());
        return errc::bad_credentials_source;
    };
    output.reserve(most_bytes + 512); // grows in place: no copies of a secret left behind
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now()).count();
        pollfd ready{read_end.get(), POLLIN, 0};
        if (left <= 0)
            return refuse();
        if (::poll(&ready, 1, static_cast<int>(left)) <= 0)
            continue; // interrupted, or the time is up
        std::array<char, 512> chunk{};
        const auto got = ::read(read_end.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse();
        if (got == 0)
            break;
        output.append(chunk.data(), static_cast<std::size_t>(got));
        OPENSSL_cleanse(chunk.data(), chunk.size());
        if (output.size() > most_bytes)
            return refuse();
    }
    if (!process.succeeded(deadline))
        return refuse();
    return output;
}

} // namespace relay::platform
