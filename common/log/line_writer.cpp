#include "common/log/line_writer.hpp"

#include "common/platform/journal.hpp"
#include "common/platform/private_files.hpp"
#include "common/platform/standard_error.hpp"

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

namespace relay {
namespace {

namespace fs = std::filesystem;

// As root may have made it once.
std::string whose(const fs::path& file)
{
    const auto owner = platform::owner_of(file);
    return owner.empty() || owner == platform::own_user() ? std::string() : " (it belongs to " + owner + ")";
}

class to_stderr final : public line_writer {
public:
    std::string write(std::string_view line) override
    {
        const auto ec = platform::write_to_standard_error(line);
        return ec ? ec.message() : std::string();
    }
};

class to_journal final : public line_writer {
public:
    std::string write(std::string_view entry) override
    {
        const auto ec = platform::send_to_journal(entry);
        return ec ? ec.message() : std::string();
    }
};

class to_files final : public line_writer {
public:
    to_files(fs::path file, std::uintmax_t max_bytes, std::size_t max_files)
        : file_(std::move(file)),
          max_bytes_(max_bytes),
          max_files_(max_files)
    {
        if (const auto trouble = open(); !trouble.empty())
            throw std::runtime_error("cannot write the log to log.file: " + file_.string() + ": " + trouble +
                                     whose(file_));
    }

    std::string write(std::string_view line) override
    {
        if (size_ > 0 && size_ + line.size() > max_bytes_)
            rotate();
        if (!opened_)
            if (const auto trouble = open(); !trouble.empty())
                return trouble;
        if (torn_ && std::fputc('\n', opened_.get()) == EOF)
            return last_error();
        errno = 0;
        const auto written = std::fwrite(line.data(), 1, line.size(), opened_.get());
        size_ += written;
        torn_ = written < line.size() && (written > 0 || torn_);
        return written < line.size() ? last_error() : std::string();
    }

private:
    struct closing {
        void operator()(std::FILE* f) const { std::fclose(f); }
    };

    static std::string last_error() { return std::generic_category().message(errno != 0 ? errno : EIO); }

    std::string open()
    {
        opened_.reset(std::fopen(file_.string().c_str(), "ab"));
        if (!opened_)
            return last_error();
        std::setvbuf(opened_.get(), nullptr, _IONBF, 0); // a line is in the file, or it is not
        std::error_code ec;
        const auto there = fs::file_size(file_, ec);
        size_ = ec ? 0 : there;
        return {};
    }

    fs::path aside(std::size_t number) const
    {
        auto name = file_.stem();
        name += "." + std::to_string(number);
        name += file_.extension();
        return file_.parent_path() / name;
    }

    // If a file cannot be moved the log goes on in the one that is there: better too long than not at all.
    void rotate()
    {
        std::error_code ignored;
        opened_.reset();
        for (std::size_t n = max_files_ - 1; n > 1; --n)
            if (fs::exists(aside(n - 1), ignored))
                fs::rename(aside(n - 1), aside(n), ignored);
        fs::rename(file_, aside(1), ignored);
    }

    const fs::path file_;
    const std::uintmax_t max_bytes_;
    const std::size_t max_files_;
    std::unique_ptr<std::FILE, closing> opened_;
    std::uintmax_t size_ = 0;
    bool torn_ = false; // the last line is there in part
};

} // namespace

std::unique_ptr<line_writer> write_to_stderr()
{
    return std::make_unique<to_stderr>();
}

std::unique_ptr<line_writer> write_to_journal()
{
    return std::make_unique<to_journal>();
}

std::unique_ptr<line_writer> write_to_files(fs::path file, std::uintmax_t max_bytes, std::size_t max_files)
{
    return std::make_unique<to_files>(std::move(file), max_bytes, max_files);
}

} // namespace relay
