# Writes files as arrays of bytes: cmake "-DFILES=a;b" -DOUT=file -P embed_pages.cmake
cmake_minimum_required(VERSION 3.25)

set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME)
    file(READ ${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
    string(APPEND arrays "constexpr unsigned char file_${number}[] = {\n${bytes}};\n")
    string(APPEND rows "    {\"${name}\", {reinterpret_cast<const char*>(file_${number}), sizeof(file_${number})}},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// Made by embed_pages.cmake from agent/status/pages; do not edit.
${arrays}
const page_file page_files[] = {
${rows}};
")
