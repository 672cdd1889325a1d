#include "common/platform/idle_memory.hpp"
#include "common/platform/journal.hpp"
#include "common/platform/process.hpp"
#include "common/platform/process_signals.hpp"
#include "common/platform/service_notify.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/io_context.hpp>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

using namespace relay;
using namespace relay::platform;

namespace {

// The service manager's end: what sd_notify sends arrives here.
class notify_socket {
public:
    // `name` as NOTIFY_SOCKET has it: a path, or after an @ a name that is in no file system.
    explicit notify_socket(std::string name = "@relay-test-" + std::to_string(::getpid()))
        : name_(std::move(name)),
          socket_(::socket(AF_UNIX, SOCK_DGRAM, 0))
    {
        ::sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name_.data(), name_.size());
        if (name_.front() == '@')
            address.sun_path[0] = '\0';
        else
            ::unlink(name_.c_str());
        const auto length = offsetof(::sockaddr_un, sun_path) + name_.size();
        REQUIRE(::bind(socket_, reinterpret_cast<::sockaddr*>(&address), static_cast<::socklen_t>(length)) ==
                0);
        ::setenv("NOTIFY_SOCKET", name_.c_str(), 1);
    }
    ~notify_socket()
    {
        ::unlink(name_.c_str());
        ::unsetenv("NOTIFY_SOCKET");
        ::close(socket_);
    }
    std::string receive() const
    {
        std::array<char, 1000> buffer{};
        const auto n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return n < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(n));
    }

private:
    std::string name_;
    int socket_;
};

} // namespace

TEST_CASE("code that nothing needs now is given back, and runs again if it is called", "[unit][platform]")
{
    const auto resident_of_files = [] {
        std::ifstream status("/proc/self/status");
        std::string field;
        long kibibytes = 0;
        while (status >> field && field != "RssFile:")
            ;
        status >> kibibytes;
        return kibibytes;
    };
    const auto before = resident_of_files();
    REQUIRE(before > 0);
    give_back_idle_memory();
    CHECK(resident_of_files() < before);
}

TEST_CASE("without a service manager nothing is told and nothing fails", "[unit][platform]")
{
    ::unsetenv("NOTIFY_SOCKET");
    service_notify().ready("connected");
    CHECK_FALSE(service_notify::watchdog());
}

TEST_CASE("the service manager is told the state in one line each", "[unit][platform]")
{
    notify_socket manager;
    const service_notify notify;
    notify.ready("connected\nREADY=0");
    CHECK(manager.receive() == "READY=1\nSTATUS=connected READY=0");
    notify.reloading();
    CHECK(manager.receive().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    notify.alive();
    CHECK(manager.receive() == "WATCHDOG=1");
    notify.stopping("draining");
    CHECK(manager.receive() == "STOPPING=1\nSTATUS=draining");
}

TEST_CASE("the service manager's socket may be a file, and may be gone", "[unit][platform]")
{
    const service_notify notify;
    {
        notify_socket manager("/tmp/relay-test-" + std::to_string(::getpid()));
        notify.status("connecting");
        CHECK(manager.receive() == "STATUS=connecting");
    }
    for (const auto* gone : {"/tmp/relay-test-nobody", "@relay-test-nobody", "@", ""}) {
        ::setenv("NOTIFY_SOCKET", gone, 1);
        notify.alive(); // and nothing happens
    }
    ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
    notify.alive();
    ::unsetenv("NOTIFY_SOCKET");
}

TEST_CASE("the watchdog's period comes from the service manager", "[unit][platform]")
{
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    CHECK(service_notify::watchdog() == std::optional<duration>(30s));
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    CHECK(service_notify::watchdog() == std::optional<duration>(30s));
    ::setenv("WATCHDOG_PID", "1", 1); // the variables were inherited: the watchdog is another process's
    CHECK_FALSE(service_notify::watchdog());
    ::unsetenv("WATCHDOG_PID");
    for (const auto* wrong : {"nonsense", "0", "-1", "30s", ""}) {
        ::setenv("WATCHDOG_USEC", wrong, 1);
        CHECK_FALSE(service_notify::watchdog());
    }
    ::unsetenv("WATCHDOG_USEC");
}

TEST_CASE("standard error is the journal only where the variable names this very file", "[unit][platform]")
{
    ::unsetenv("JOURNAL_STREAM");
    CHECK_FALSE(stderr_is_journal());
    for (const char* wrong : {"", "1", ":", "a:b", "1:2"}) {
        ::setenv("JOURNAL_STREAM", wrong, 1);
        CHECK_FALSE(stderr_is_journal());
    }
    struct ::stat found {};
    REQUIRE(::fstat(2, &found) == 0);
    ::setenv("JOURNAL_STREAM", (std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino)).c_str(),
             1);
    CHECK(stderr_is_journal());
    ::unsetenv("JOURNAL_STREAM");
}

TEST_CASE("signals become calls on the loop, until closed", "[unit][platform]")
{
    boost::asio::io_context loop;
    int stops = 0, reloads = 0;
    process_signals signals(loop.get_executor(), {.stop = [&] { ++stops; }, .reload = [&] { ++reloads; }});
    int raised = 0;
    for (const int number : {SIGTERM, SIGHUP, SIGINT}) {
        std::raise(number);
        ++raised;
        while (stops + reloads < raised)
            loop.run_one();
    }
    CHECK(stops == 2);
    CHECK(reloads == 1);
    signals.close();
    loop.run(); // returns: nothing is waiting any more
}

TEST_CASE("a signal that came just before the end calls nobody", "[unit][platform]")
{
    boost::asio::io_context loop;
    int stops = 0;
    {
        process_signals signals(loop.get_executor(), {.stop = [&] { ++stops; }, .reload = [] {}});
        std::raise(SIGTERM);
    }
    loop.run();
    CHECK(stops == 0);
}

TEST_CASE("a handler may close the signals", "[unit][platform]")
{
    boost::asio::io_context loop;
    std::optional<process_signals> signals;
    signals.emplace(loop.get_executor(),
                    process_signals::handlers{.stop = [&] { signals.reset(); }, .reload = [] {}});
    std::raise(SIGTERM);
    loop.run();
    CHECK_FALSE(signals);
}

TEST_CASE("a crash leaves no core file", "[unit][platform]")
{
    const auto old_mask = ::umask(022);
    REQUIRE_FALSE(harden_process());
    CHECK(::umask(old_mask) == 0077);
    ::rlimit limit{1, 1};
    REQUIRE(::getrlimit(RLIMIT_CORE, &limit) == 0);
    CHECK(limit.rlim_cur == 0);
    CHECK(limit.rlim_max == 0);
    CHECK_FALSE(host_name().empty());
    CHECK(os_name() == "linux");
}
