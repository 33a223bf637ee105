// SPDX-License-Identifier: Apache-2.0
// Every kind of bad table, with the message that a user sees.
#include "jobs/causal/table.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "tests/unit/jobs/scratch_files.h"

namespace sovren::jobs {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class Files : public ScratchFiles {
 protected:
  std::string message(const Result<Table>& table) const {
    return table ? "no error" : with_dir(to_text(table.error()));
  }
  std::string csv_message(const std::string& bytes, const TableQuery& query = {}) const {
    TableQuery asked = query;
    asked.path = file("a.csv", bytes);
    const Result<Table> table = read_table(asked);
    if (!table) {
      EXPECT_EQ(table.error().code, Code::data_invalid);
    }
    return message(table);
  }
  Result<Table> csv(const std::string& bytes, const TableQuery& query = {}) const {
    TableQuery asked = query;
    asked.path = file("a.csv", bytes);
    return read_table(asked);
  }
};

using Names = std::vector<std::string>;
using Values = std::vector<double>;

class CsvReader : public Files {};

TEST_F(CsvReader, ReadsAHeaderAndNumbers) {
  const auto table = csv("a,b\n1,-2.5\n+3,4e-1\n");
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->names, (Names{"a", "b"}));
  EXPECT_EQ(table->rows, 2);
  EXPECT_EQ(table->values, (Values{1, -2.5, 3, 0.4}));
  EXPECT_FALSE(table->has_missing);
  EXPECT_EQ(table->sha256.size(), 64U);
}

TEST_F(CsvReader, NamesColumnsWhenThereIsNoHeader) {
  const auto table = csv("1,2\n3,4\n");
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->names, (Names{"x0", "x1"}));
  EXPECT_EQ(table->rows, 2);
}

TEST_F(CsvReader, TakesQuotesCrlfByteOrderMarkCommentsAndBlankLinesAtTheEnd) {
  const auto table =
      csv("\xEF\xBB\xBF# source: here\r\n\"a, the first\",\"b \"\"x\"\"\"\r\n\"1\", 2 "
          "\r\n3,4\r\n\r\n \r\n");
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->names, (Names{"a, the first", "b \"x\""}));
  EXPECT_EQ(table->values, (Values{1, 2, 3, 4}));
}

TEST_F(CsvReader, TakesSemicolonsAndTabs) {
  EXPECT_EQ(csv("a;b\n1;2\n")->values, (Values{1, 2}));
  const auto tabs = read_table({file("a.tsv", "a\tb\n1\t2\n"), {}, {}});
  ASSERT_TRUE(tabs) << message(tabs);
  EXPECT_EQ(tabs->names, (Names{"a", "b"}));
}

TEST_F(CsvReader, TakesALastLineWithoutItsEnd) {
  EXPECT_EQ(csv("a,b\n1,2\n3,4")->values, (Values{1, 2, 3, 4}));
}

TEST_F(CsvReader, SelectsAndOrdersColumnsAndIgnoresTextElsewhere) {
  const auto table = csv("date,a,b\n1950-01,1,2\n1950-02,3,4\n", {"", {"b", "a"}, {}});
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->names, (Names{"b", "a"}));
  EXPECT_EQ(table->values, (Values{2, 1, 4, 3}));
  EXPECT_EQ(table->all_names, (Names{"date", "a", "b"}));
}

TEST_F(CsvReader, ReadsTheSameBitsThatWerePrinted) {
  EXPECT_EQ(csv("a,b\n0.1,1.7976931348623157e308\n5e-324,123456789.12345679\n")->values,
            (Values{0.1, 1.7976931348623157e308, 5e-324, 123456789.12345679}));
}

TEST_F(CsvReader, MissingNumberStandsForNotMeasured) {
  const auto table = csv("a,b\n1,-999\n-999.0,4\n", {"", {}, -999});
  ASSERT_TRUE(table) << message(table);
  EXPECT_TRUE(table->has_missing);
  EXPECT_TRUE(std::isnan(table->values[1]) && std::isnan(table->values[2]));
  EXPECT_EQ(table->values[3], 4);
}

TEST_F(CsvReader, MissingNanTakesEmptyCellsAndNaN) {
  const auto table = csv("a,b\n1,\nnan,4\nNA,NaN\n", {"", {}, nan});
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->rows, 3);
  for (const std::size_t k : {1, 2, 4, 5}) EXPECT_TRUE(std::isnan(table->values[k])) << k;
}

TEST_F(CsvReader, SaysWhichRowIsRagged) {
  EXPECT_EQ(csv_message("a,b,c\n1,2,3\n4,5\n"),
            "DIR/a.csv:3: 2 cells where there are 3 columns: column 'c' has none\n"
            "  hint: every row needs one cell per column");
  EXPECT_EQ(csv_message("a,b\n1,2\n\n"), "no error");
  EXPECT_EQ(csv_message("a,b\n1,2,3\n"),
            "DIR/a.csv:2: 3 cells where there are 2 columns: the last is 'b'\n"
            "  hint: every row needs one cell per column");
  EXPECT_EQ(csv_message("a,b\n1,5,2,5\n"),
            "DIR/a.csv:2: 4 cells where there are 2 columns: the last is 'b'\n"
            "  hint: every row needs one cell per column; are these decimal commas? write points");
}

TEST_F(CsvReader, SaysWhereTextStandsForANumber) {
  EXPECT_EQ(csv_message("time,b\n1,2\nnoon,4\n"),
            "DIR/a.csv:3: column 'time': 'noon' is not a number (allowed: decimal numbers like "
            "-1.5e3)\n"
            "  hint: leave the column out by naming those to use: variables = [...]");
  EXPECT_EQ(csv_message("a;b\n1,5;2\n"),
            "DIR/a.csv:2: column 'a': '1,5' is not a number (allowed: decimal numbers like "
            "-1.5e3)\n"
            "  hint: write a decimal point, not a comma");
}

TEST_F(CsvReader, SaysWhereACellIsEmpty) {
  EXPECT_EQ(csv_message("a,b\n1,2\n3,\n"),
            "DIR/a.csv:3: column 'b': the cell is empty (allowed: decimal numbers)\n"
            "  hint: if it means \"not measured\", write: missing = nan");
  EXPECT_EQ(csv_message("a,b\n1,2\n3,\n", {"", {}, -999}),
            "DIR/a.csv:3: column 'b': the cell is empty (allowed: decimal numbers)\n"
            "  hint: empty cells mean \"not measured\" with: missing = nan");
}

TEST_F(CsvReader, SaysWhereANumberIsNotFinite) {
  EXPECT_EQ(csv_message("a,b\n1,nan\n"),
            "DIR/a.csv:2: column 'b': the value is NaN (allowed: finite numbers)\n"
            "  hint: if it means \"not measured\", write: missing = nan");
  EXPECT_EQ(csv_message("a,b\n1,-inf\n", {"", {}, nan}),
            "DIR/a.csv:2: column 'b': the value is infinite (allowed: finite numbers)");
  EXPECT_EQ(csv_message("a,b\n1,1e999\n"),
            "DIR/a.csv:2: column 'b': the value is infinite (allowed: finite numbers)");
}

TEST_F(CsvReader, RefusesAnEmptyLineBetweenRows) {
  EXPECT_EQ(csv_message("a,b\n1,2\n\n3,4\n"),
            "DIR/a.csv:3: the line is empty, but rows follow it\n"
            "  hint: rows are equal steps of time: delete the line, or fill it");
}

TEST_F(CsvReader, RefusesAFileWithoutValues) {
  EXPECT_EQ(csv_message(""), "DIR/a.csv: the file is empty");
  EXPECT_EQ(csv_message("\n \n"), "DIR/a.csv: the file is empty");
  EXPECT_EQ(csv_message("a,b\n"),
            "DIR/a.csv: the table has no values\n"
            "  hint: time goes down the rows, one variable per column");
}

TEST_F(CsvReader, RefusesAnOpenQuote) {
  EXPECT_EQ(csv_message("a,b\n1,\"2\n"), "DIR/a.csv:2: a quote is not closed on its line");
}

TEST_F(CsvReader, RefusesTwoColumnsOfOneName) {
  EXPECT_EQ(csv_message("a,b,a\n1,2,3\n"),
            "DIR/a.csv: two variables have the name 'a' (columns 1 and 3 of those used)\n"
            "  hint: give every column its own name");
  EXPECT_EQ(csv_message("a,b,a\n1,2,3\n", {"", {"b", "a"}, {}}),
            "DIR/a.csv: two columns have the name 'a'\n"
            "  hint: give every column its own name");
  EXPECT_EQ(csv_message("a,b,a\n1,2,3\n", {"", {"b"}, {}}), "no error");
}

TEST_F(CsvReader, RefusesAColumnWithoutName) {
  EXPECT_EQ(csv_message(",a\n0,1\n"),
            "DIR/a.csv: column 1 has no name\n"
            "  hint: name it in the header, or name the columns to use: variables = [...]");
}

TEST_F(CsvReader, SuggestsTheNearestColumn) {
  EXPECT_EQ(csv_message("nino34,wind\n1,2\n", {"", {"nino43"}, {}}),
            "DIR/a.csv: there is no column 'nino43' (columns: nino34, wind)\n"
            "  hint: did you mean 'nino34'?");
}

class TableFile : public Files {};

TEST_F(TableFile, MissingOneSuggestsTheNearestName) {
  file("temperature.csv", "a\n1\n");
  const auto table = read_table({dir_ + "/temprature.csv", {}, {}});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::input_missing);
  EXPECT_EQ(message(table),
            "DIR/temprature.csv: there is no such file\n"
            "  hint: did you mean 'temperature.csv'?");
}

TEST_F(TableFile, InAMissingFolderSaysSo) {
  const auto table = read_table({dir_ + "/no/a.csv", {}, {}});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::input_missing);
  EXPECT_EQ(message(table),
            "DIR/no/a.csv: there is no such file\n"
            "  hint: there is no folder DIR/no");
}

TEST_F(TableFile, MustNotBeAFolder) {
  std::filesystem::create_directories(dir_ + "/a.csv");
  const auto table = read_table({dir_ + "/a.csv", {}, {}});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::input_missing);
  EXPECT_EQ(message(table), "DIR/a.csv: is a folder, not a file");
}

TEST_F(TableFile, OfAnotherFormatIsRefused) {
  EXPECT_EQ(message(read_table({file("a.xlsx", "x"), {}, {}})),
            "DIR/a.xlsx: the format '.xlsx' is not known (allowed: .csv, .tsv, .npy, .h5, .hdf5)");
  EXPECT_EQ(message(read_table({file("a.csv.gz", "x"), {}, {}})),
            "DIR/a.csv.gz: the format '.gz' is not known (allowed: .csv, .tsv, .npy, .h5, .hdf5)\n"
            "  hint: unpack it first: gunzip DIR/a.csv.gz");
  EXPECT_EQ(message(read_table({file("a.csv", "a\n1\n") + "#x", {}, {}})),
            "DIR/a.csv#x: only .h5 files hold datasets, so '#x' means nothing here");
}

/// A .npy file of version 1 or 2, as NumPy writes it.
std::string npy(const std::string& descr, bool is_fortran, const std::string& shape,
                const std::string& data, int version = 1) {
  std::string dict = "{'descr': '" + descr +
                     "', 'fortran_order': " + (is_fortran ? "True" : "False") +
                     ", 'shape': " + shape + ", }";
  const std::size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + dict.size() + 1) % 64 != 0) dict += ' ';
  dict += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  bytes += static_cast<char>(dict.size() & 0xFF);
  bytes += static_cast<char>(dict.size() >> 8);
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + dict + data;
}

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class NpyReader : public Files {
 protected:
  Result<Table> read(const std::string& bytes, const TableQuery& query = {}) const {
    TableQuery asked = query;
    asked.path = file("a.npy", bytes);
    return read_table(asked);
  }
};

TEST_F(NpyReader, ReadsEveryElementTypeOrderAndVersion) {
  const Values expected{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(read(npy("<f8", false, "(3, 2)", raw<double>({1, 2, 3, 4, 5, 6})))->values, expected);
  EXPECT_EQ(read(npy("<f4", false, "(3, 2)", raw<float>({1, 2, 3, 4, 5, 6}), 2))->values, expected);
  EXPECT_EQ(read(npy("<i8", true, "(3, 2)", raw<std::int64_t>({1, 3, 5, 2, 4, 6})))->values,
            expected);
  EXPECT_EQ(read(npy("<i4", true, "(3L, 2L)", raw<std::int32_t>({1, 3, 5, 2, 4, 6})))->values,
            expected);
}

TEST_F(NpyReader, NamesAndSelectsColumns) {
  const auto table =
      read(npy("<f8", false, "(2, 3)", raw<double>({1, 2, 3, 4, 5, 6})), {"", {"x2", "x0"}, {}});
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->names, (Names{"x2", "x0"}));
  EXPECT_EQ(table->values, (Values{3, 1, 6, 4}));
}

TEST_F(NpyReader, SaysWhatIsWrongWithAFile) {
  const std::string hint = "\n  hint: write it with: numpy.save('data.npy', array)";
  EXPECT_EQ(message(read("nonsense, and long enough")),
            "DIR/a.npy: is no .npy file: it does not begin with \\x93NUMPY" + hint);
  EXPECT_EQ(message(read(npy(">f8", false, "(1, 1)", std::string(8, 'x')))),
            "DIR/a.npy: elements of type '>f8' (allowed: <f4, <f8, <i4, <i8)" + hint);
  EXPECT_EQ(message(read(npy("<f8", false, "(4, 4)", std::string(100, 'x')))),
            "DIR/a.npy: the file is cut off: it has 228 of 256 bytes" + hint);
  EXPECT_EQ(message(read(npy("<f8", false, "(4,)", std::string(32, 'x')))),
            "DIR/a.npy: the array has 1 dimensions (allowed: 2)\n"
            "  hint: time goes down the rows, one variable per column");
  EXPECT_EQ(message(read(npy("<f8", false, "(999999999999, 4)", ""))),
            "DIR/a.npy: the array of 999999999999 x 4 is too large (allowed: 65536 columns, 2^29 "
            "values)" +
                hint);
  EXPECT_EQ(message(read(npy("<f8", false, "(2, 2)", raw<double>({1, 2, nan, 4})))),
            "DIR/a.npy: row 2: column 'x0': the value is NaN (allowed: finite numbers)\n"
            "  hint: if it means \"not measured\", write: missing = nan");
}

class Hdf5Reader : public Files {
 protected:
  /// Adds a dataset of doubles; makes the groups on its path.
  static void add(const std::string& path, const std::string& name, std::vector<hsize_t> shape,
                  const Values& values, const Names& columns = {}) {
    const bool exists = std::filesystem::exists(path);
    const hid_t opened = exists ? H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                                : H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    const hid_t dataset =
        H5Dcreate2(opened, name.c_str(), H5T_NATIVE_DOUBLE, space, links, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    if (!columns.empty()) {
      const hid_t type = H5Tcopy(H5T_C_S1);
      H5Tset_size(type, H5T_VARIABLE);
      const hsize_t count = columns.size();
      const hid_t names_space = H5Screate_simple(1, &count, nullptr);
      const hid_t attribute =
          H5Acreate2(dataset, "variables", type, names_space, H5P_DEFAULT, H5P_DEFAULT);
      std::vector<const char*> pointers;
      for (const std::string& column : columns) pointers.push_back(column.c_str());
      H5Awrite(attribute, type, pointers.data());
      H5Aclose(attribute);
      H5Sclose(names_space);
      H5Tclose(type);
    }
    H5Dclose(dataset);
    H5Pclose(links);
    H5Sclose(space);
    H5Fclose(opened);
  }
};

TEST_F(Hdf5Reader, ReadsTheOnlyTableOfAFileWithItsNames) {
  const std::string path = dir_ + "/a.h5";
  add(path, "time", {2}, {0, 1});
  add(path, "group/x", {2, 2}, {1, 2, 3, 4}, {"wind", "rain"});
  const auto table = read_table({path, {"rain"}, {}});
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->names, (Names{"rain"}));
  EXPECT_EQ(table->values, (Values{2, 4}));
}

TEST_F(Hdf5Reader, ReadsTheDatasetThatIsNamed) {
  const std::string path = dir_ + "/a.h5";
  add(path, "x", {2, 1}, {1, 2});
  add(path, "group/y", {2, 2}, {1, 2, 3, 4});
  const auto table = read_table({path + "#group/y", {}, {}});
  ASSERT_TRUE(table) << message(table);
  EXPECT_EQ(table->names, (Names{"x0", "x1"}));
  EXPECT_EQ(message(read_table({path, {}, {}})),
            "DIR/a.h5: the file has 2 datasets of two dimensions: group/y, x\n"
            "  hint: name one: data = \"...h5#group/y\"");
}

TEST_F(Hdf5Reader, SaysWhatIsWrongWithAFile) {
  EXPECT_EQ(message(read_table({file("b.h5", "no"), {}, {}})),
            "DIR/b.h5: is no HDF5 file, or a damaged one");
  const std::string path = dir_ + "/a.h5";
  add(path, "t", {3}, {1, 2, 3});
  EXPECT_EQ(message(read_table({path, {}, {}})),
            "DIR/a.h5: the file has no dataset of two dimensions\n"
            "  hint: time goes down the rows, one variable per column");
  EXPECT_EQ(message(read_table({path + "#t", {}, {}})),
            "DIR/a.h5#t: the dataset has 1 dimension (allowed: 2)\n"
            "  hint: time goes down the rows, one variable per column");
  EXPECT_EQ(message(read_table({path + "#no", {}, {}})),
            "DIR/a.h5#no: there is no dataset 'no' in the file");
  add(path, "x", {2, 1}, {1, nan});
  EXPECT_EQ(message(read_table({path, {}, {}})),
            "DIR/a.h5#x: row 2: column 'x0': the value is NaN (allowed: finite numbers)\n"
            "  hint: if it means \"not measured\", write: missing = nan");
}

}  // namespace
}  // namespace sovren::jobs
