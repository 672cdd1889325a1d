#include "common/platform/hidden_input.hpp"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace relay::platform {
namespace {

volatile std::sig_atomic_t caught = 0; // the signal that interrupted the input

constexpr std::array ending{SIGINT, SIGTERM, SIGQUIT, SIGHUP};

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

// While it lives the signals that end a process interrupt a wait for input instead, so that the terminal can be put back
// first. They are let through in that wait alone: one that came before it would be lost.
class signals_noted {
public:
    signals_noted()
    {
        caught = 0;
        sigset_t ours;
        ::sigemptyset(&ours);
        for (const int number : ending)
            ::sigaddset(&ours, number);
        ::pthread_sigmask(SIG_BLOCK, &ours, &mask_before_);
        struct sigaction note {};
        note.sa_handler = [](int number) { caught = number; };
        for (std::size_t i = 0; i < ending.size(); ++i)
            ::sigaction(ending[i], &note, &before_[i]);
    }
    ~signals_noted()
    {
        for (std::size_t i = 0; i < ending.size(); ++i)
            ::sigaction(ending[i], &before_[i], nullptr);
        ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    }
    signals_noted(const signals_noted&) = delete;
    signals_noted& operator=(const signals_noted&) = delete;

    // Until there is something to read; false where a signal came first.
    bool wait_for_input() const
    {
        auto open = mask_before_;
        for (const int number : ending)
            ::sigdelset(&open, number);
        ::pollfd input{STDIN_FILENO, POLLIN, 0};
        while (caught == 0 && ::ppoll(&input, 1, nullptr, &open) < 0 && errno == EINTR) {
        }
        return caught == 0;
    }

private:
    std::array<struct sigaction, ending.size()> before_{};
    sigset_t mask_before_{};
};

class silent_terminal {
public:
    silent_terminal()
    {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0)
            return;
        auto silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL;
        silent.c_cc[VSUSP] = _POSIX_VDISABLE; // or Ctrl-Z would leave a silent terminal behind
        changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    }
    ~silent_terminal()
    {
        if (changed_)
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    silent_terminal(const silent_terminal&) = delete;
    silent_terminal& operator=(const silent_terminal&) = delete;
    bool works() const noexcept { return changed_; }

private:
    struct termios before_ {};
    bool changed_ = false;
};

enum class until { line_break, end };

// With `noted` a signal ends it: std::errc::interrupted.
result<secret> read_all(until where, std::size_t most_bytes, const signals_noted* noted)
{
    std::string text;
    text.reserve(most_bytes + 2); // grows in place: no copies of a secret left behind
    const auto refuse = [&](error_code why) -> result<secret> {
        wipe(text);
        return why;
    };
    for (char c = 0;;) {
        if (noted && !noted->wait_for_input())
            return refuse(make_error_code(boost::system::errc::interrupted));
        const auto got = ::read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno != EINTR)
            return refuse(last_error());
        if (got < 0)
            continue;
        if (got == 0 || (where == until::line_break && c == '\n'))
            break;
        if (text.size() >= most_bytes + 2)
            return refuse(make_error_code(boost::system::errc::message_size));
        text += c;
    }
    return secret::take(text);
}

result<secret> ask(const std::string& prompt, std::size_t most_bytes)
{
    const signals_noted noted;
    const silent_terminal terminal;
    if (!terminal.works())
        return last_error();
    std::fputs(prompt.c_str(), stderr);
    std::fflush(stderr);
    return read_all(until::line_break, most_bytes, &noted);
}

} // namespace

bool input_is_terminal()
{
    return ::isatty(STDIN_FILENO) == 1;
}

result<secret> ask_hidden(const std::string& prompt, std::size_t most_bytes)
{
    auto answer = ask(prompt, most_bytes);
    if (const int number = caught; number != 0)
        ::raise(number); // the terminal and the handlers are as before
    return answer;
}

result<secret> read_input(std::size_t most_bytes)
{
    return read_all(until::end, most_bytes, nullptr);
}

} // namespace relay::platform
