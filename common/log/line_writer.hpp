// Where lines of the log go in the end. These block, and are used by one thread: background_sink's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace relay {

class line_writer {
public:
    virtual ~line_writer() = default;
    // `line` as a whole; why it could not be written, empty where it was.
    virtual std::string write(std::string_view line) = 0;
};

std::unique_ptr<line_writer> write_to_stderr();

// What journal_formatter makes.
std::unique_ptr<line_writer> write_to_journal();

// Appends to `file`. When it would grow over `max_bytes` it becomes NAME.1.EXT, that one NAME.2.EXT, and so on, `max_files`
// of them in all. Throws std::runtime_error, in words for an administrator, where it cannot be opened.
std::unique_ptr<line_writer> write_to_files(std::filesystem::path file, std::uintmax_t max_bytes,
                                            std::size_t max_files);

} // namespace relay
