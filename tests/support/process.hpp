// A program under test: started, watched, signalled, and gone when its owner is gone.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace relay::test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// How much longer things may take in this build (sanitizers) than on their own.
int slowness() noexcept;

// Not for use from several threads. Failures of the operating system throw std::runtime_error.
class process {
public:
    struct options {
        std::vector<std::string> arguments;
        std::map<std::string, std::string> environment; // laid over this process's own
        fs::path standard_error; // appended to this file; empty: shared with this process
        fs::path folder;         // to run in; empty: this process's
    };

    // Starts it. It is killed where this object or this process goes away.
    process(const fs::path& program, const options& o);
    ~process();
    process(process&& other) noexcept;
    process& operator=(process&& other) noexcept;

    int pid() const noexcept { return pid_; }
    bool running();

    // The next line of its standard output without the line break; nothing where none came in time or it ended.
    std::optional<std::string> read_line(std::chrono::milliseconds limit);
    // That line as JSON: what the stand-ins print when they are ready. Throws where there is none.
    boost::json::object ready(std::chrono::milliseconds limit = 20s * slowness());

    void signal(int number);
    // Its exit code, 128 + N where signal N ended it, nothing where it still runs after `limit`.
    std::optional<int> wait(std::chrono::milliseconds limit = 20s * slowness());
    // SIGKILL and wait: as a power cut would.
    void kill();

    // From /proc; zero where it has ended.
    std::size_t resident_bytes() const;
    std::chrono::microseconds cpu_time() const; // user and system

private:
    void take_exit(int status) noexcept;

    int pid_ = -1;
    int output_ = -1; // read end of its standard output
    std::string pending_;
    std::optional<int> exit_;
    fs::path program_;
};

// What a program that ran to its end left: its exit code (-1 where it had to be killed) and what it wrote.
struct ended {
    int code = -1;
    std::string out, err;
};
ended run_to_end(const fs::path& program, std::vector<std::string> arguments,
                 std::map<std::string, std::string> environment = {});

} // namespace relay::test
