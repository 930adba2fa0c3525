// Compares what a server shows after its restart with the ledger.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "load.h"

namespace parley::test {

// Reads as users do, over their sockets, and as an operator does, in the file.
class Truth {
 public:
  Truth(Parleyd& server, Ledger& ledger, std::string file);
  // What is wrong goes to the ledger. Goes back in each chain to what earlier comparisons saw.
  void compare(const std::array<std::string, Load::kUsers>& tokens);
  // Calls so far that lived when the server was killed.
  [[nodiscard]] std::size_t failed_calls() const;

 private:
  struct Item {
    bool text = false;
    std::string chain;
    std::string words;  // of a text: from, body and time; of a call: how it ended
  };

  void check_file();
  void read_as(const std::string& profile, const std::string& token);
  void read_chain(const std::string& profile, const std::string& chain, const std::string& newest);
  void take(const std::string& chain, const Message& item);
  void check_told();
  void check_order();
  [[nodiscard]] Message ask(const std::string& type, const std::string& members);
  void complain(const std::string& what);

  Parleyd& server_;
  Ledger& ledger_;
  const std::string file_;
  std::unique_ptr<Device> reader_;
  std::vector<Message> answers_;
  std::map<std::string, Item> items_;                      // by id, of all comparisons
  std::map<std::string, std::vector<std::string>> order_;  // of each chain, oldest first
  std::set<std::string> read_;                             // chains read in this comparison
  std::set<std::string> checked_texts_;
  std::set<std::string> checked_calls_;
  std::size_t checked_connections_ = 0;
};

}  // namespace parley::test
