#include "tests/support/process.hpp"

#include "tests/support/temporary_folder.hpp"

#include <boost/json/parse.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace relay::test {
namespace {

using clock_type = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& additions)
{
    std::vector<std::string> out;
    for (char** entry = ::environ; *entry; ++entry) {
        const std::string text = *entry;
        if (!additions.contains(text.substr(0, text.find('='))))
            out.push_back(text);
    }
    for (const auto& [name, value] : additions)
        out.push_back(name + "=" + value);
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts)
{
    std::vector<char*> out;
    for (auto& t : texts)
        out.push_back(t.data());
    out.push_back(nullptr);
    return out;
}

// The fields of /proc/PID/stat after the program's name, which may hold spaces.
std::vector<std::string> stat_fields(int pid)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(in, line);
    const auto close = line.rfind(')');
    if (close == line.npos)
        return {};
    std::istringstream rest(line.substr(close + 1));
    std::vector<std::string> out;
    for (std::string field; rest >> field;)
        out.push_back(field);
    return out;
}

} // namespace

int slowness() noexcept
{
    return RELAY_SLOWNESS;
}

process::process(const fs::path& program, const options& o) : program_(program)
{
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        fail("pipe");
    const int log = o.standard_error.empty()
                        ? -1
                        : ::open(o.standard_error.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    // Everything that allocates comes before fork(): this process may have threads.
    auto arguments = o.arguments;
    arguments.insert(arguments.begin(), program.string());
    auto variables = environment_with(o.environment);
    auto argv = pointers(arguments);
    auto envp = pointers(variables);
    const auto folder = o.folder.string();
    const auto parent = ::getpid();

    pid_ = ::fork();
    if (pid_ < 0)
        fail("fork");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent || (!folder.empty() && ::chdir(folder.c_str()) != 0))
            ::_exit(126);
        ::sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::dup2(pipe[1], STDOUT_FILENO);
        if (log >= 0)
            ::dup2(log, STDERR_FILENO);
        // Sockets of this process, and of the libraries it uses, are not the program's.
        ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }
    ::close(pipe[1]);
    if (log >= 0)
        ::close(log);
    output_ = pipe[0];
}

process::~process()
{
    kill();
    if (output_ >= 0)
        ::close(output_);
}

process::process(process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      pending_(std::move(other.pending_)),
      exit_(other.exit_),
      program_(std::move(other.program_))
{
}

process& process::operator=(process&& other) noexcept
{
    std::swap(pid_, other.pid_);
    std::swap(output_, other.output_);
    std::swap(pending_, other.pending_);
    std::swap(exit_, other.exit_);
    std::swap(program_, other.program_);
    return *this;
}

void process::take_exit(int status) noexcept
{
    exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool process::running()
{
    if (pid_ < 0 || exit_)
        return false;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_)
        take_exit(status);
    return !exit_;
}

std::optional<std::string> process::read_line(std::chrono::milliseconds limit)
{
    const auto until = clock_type::now() + limit;
    for (;;) {
        if (const auto end = pending_.find('\n'); end != pending_.npos) {
            auto line = pending_.substr(0, end);
            pending_.erase(0, end + 1);
            return line;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_type::now()).count();
        ::pollfd waiting{output_, POLLIN, 0};
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0)
            return std::nullopt;
        std::array<char, 4096> buffer{};
        const auto n = ::read(output_, buffer.data(), buffer.size());
        if (n <= 0)
            return std::nullopt;
        pending_.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

boost::json::object process::ready(std::chrono::milliseconds limit)
{
    const auto line = read_line(limit);
    if (!line)
        throw std::runtime_error(program_.filename().string() + " did not get ready" +
                                 (running() ? "" : ": it ended with " + std::to_string(exit_.value_or(-1))));
    return boost::json::parse(*line).as_object();
}

void process::signal(int number)
{
    if (running())
        ::kill(pid_, number);
}

std::optional<int> process::wait(std::chrono::milliseconds limit)
{
    const auto until = clock_type::now() + limit;
    while (running() && clock_type::now() < until)
        std::this_thread::sleep_for(2ms);
    return exit_;
}

void process::kill()
{
    if (!running())
        return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    take_exit(status);
}

std::size_t process::resident_bytes() const
{
    std::ifstream in("/proc/" + std::to_string(pid_) + "/statm");
    std::size_t total = 0, resident = 0;
    in >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::chrono::microseconds process::cpu_time() const
{
    const auto fields = stat_fields(pid_);
    if (fields.size() < 13)
        return {};
    const auto ticks = std::stoll(fields[11]) + std::stoll(fields[12]); // utime, stime: proc(5)
    return std::chrono::microseconds(ticks * 1'000'000 / ::sysconf(_SC_CLK_TCK));
}

ended run_to_end(const fs::path& program, std::vector<std::string> arguments,
                 std::map<std::string, std::string> environment)
{
    const temporary_folder here;
    const auto errors = here.path() / "stderr.txt";
    process p(program, {.arguments = std::move(arguments),
                        .environment = std::move(environment),
                        .standard_error = errors,
                        .folder = {}});
    ended e;
    while (const auto line = p.read_line(40s))
        e.out += *line + "\n";
    e.code = p.wait().value_or(-1);
    std::ifstream in(errors);
    e.err.assign(std::istreambuf_iterator<char>(in), {});
    return e;
}

} // namespace relay::test
