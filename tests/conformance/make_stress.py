#!/usr/bin/python3
"""Make stress-xlsxwriter.xlsx and stress-openpyxl.xlsx: some thousand formulas written by other programs, calculated by a third.

    tests/conformance/make_stress.py [FOLDER]        (python3-openpyxl, python3-xlsxwriter, libreoffice-calc)

The same formulas are written by XlsxWriter and by openpyxl, calculated and saved by LibreOffice; `sim-model --verify` must
agree with every cached value. What LibreOffice is known to calculate other than Excel documents is in SKIP, with the reason,
and is not written. Most error kinds it writes as #VALUE!: where a formula gives an error, ISERROR of it is written instead.
"""
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile

import openpyxl
import xlsxwriter

# Sheet "D": what formulas refer to. None is an empty cell; "=..." a formula.
DATA = {
    "A": [3, -1.5, 0, 7.25, 1000000, 0.1, 2, 2, -8, 15, 4.5, 100],
    "B": [1, "2", None, -7, "abc", -3, '=""', 5.5, 0.25, "7x", 10, 12],
    "C": [5, "=1/0", 2, "=NA()", "text", "=1/0", None, 8],
    "D": [45292, 45351, 45382, 45657, 45658.75, 36525, 60, 59, 61, 1, 0.5, 43831.999],
    "E": [1, 2, 2, 4, 8, 16, 32, 64, 64, 100, 250, 999],
    "F": ["apple", "Banana", "cherry", "apple pie", "BANANA", "a*b", "x?y", "~tilde", "", "12", "straße", "zebra"],
    "G": [-1000, 300, 420, 680, 150, 90, -40, 210, 330, 80, 60, 25],
    "H": [12, 15, 11, 19, 22, 18, 25, 30, 28, 33, 35, 41],
    "I": [1.1, 1.9, 3.2, 3.8, 5.3, 6.1, 6.8, 8.3, 8.9, 10.2, 10.8, 12.4],
    "J": [2, 1, 0, 0, 3, 1, 1, 0, 4],   # 3 x 3 by rows in J1:L3, see below
}
MATRIX = [[2, 1, 0], [0, 3, 1], [1, 0, 4]]  # D!N1:P3

NUMBERS = ["0", "1", "-1", "0.5", "-0.5", "2.5", "-2.5", "1E-7", "1234.5678", "-1234.5678", "D!A4", "D!B2", "D!B3", "D!B4", '"3.7"', '"x"']
WHOLE = ["0", "1", "2", "3", "7", "12"]


def grid(template, *lists):
    return [template.format(*args) for args in itertools.product(*lists)]


def formulas():
    """(family, formula) without "="; arrays are (family, formula, rows, columns)."""
    out = []

    def add(family, items):
        out.extend((family, f) for f in items)

    def array(family, f, rows=1, cols=1):
        out.append((family, f, rows, cols))

    # --- operators, precedence, coercion
    add("operators", ["-2^2", "0-2^2", "2^3^2", "2^-2", "10%%", "5%^2", "1+2*3-4/5", "(1+2)*3", "--5", "-(-5)", "1=1", '"a"="A"', '"a"<"B"',
                      '1<"a"', '"a"<TRUE', "TRUE>1", "FALSE<TRUE", '"1"+"2"', "TRUE+TRUE", 'D!B2+1', "D!B3+1", "D!B3=0", 'D!B3=""', "D!B3=FALSE",
                      'D!B7=""', '"a"&1&TRUE', "1&2", "D!B3&\"x\"", "1.5&\"\"", "0.1+0.2=0.3", "1/3&\"\"", "1E20&\"\"", "1E21&\"\"", "0.00001&\"\"",
                      "123456789012345678&\"\"", "1-0.9-0.1", "(0.5-0.4-0.1)", "0.5-0.4-0.1", "1E308*10", "1/0", "0/0", "2^0.5", "(-8)^(1/3)",
                      "\"abc\"+1", "\"12%\"+0", "\"1,234\"+0", "\"1/2/2024\"+0", "\"12:30\"+0", "D!C2+1", "D!A1:A3 D!A2:C2", "3<>3", "3>=3", "\"\"=0"])
    # --- arithmetic and rounding
    for f in ["ABS", "SIGN", "INT", "TRUNC", "EVEN", "ODD", "SQRT", "EXP", "LN", "LOG10", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "SINH", "COSH",
              "TANH", "ASINH", "DEGREES", "RADIANS", "FACT", "SQRTPI"]:
        add("math", grid(f + "({0})", NUMBERS))
    add("math", grid("ACOSH({0})", ["1", "2", "0.5", "100"]) + grid("ATANH({0})", ["0", "0.5", "-0.9", "1", "2"]))
    add("math", grid("{0}({1})", ["COT", "SEC", "CSC", "ACOT", "COTH", "SECH", "CSCH"], ["1", "-2", "0.5", "3"]))
    for f in ["ROUND", "ROUNDUP", "ROUNDDOWN", "TRUNC"]:
        add("rounding", grid(f + "({0},{1})", ["2.5", "-2.5", "1234.5678", "-1234.5678", "2.15", "1.005", "-1.475", "0.285", "99999.995", "1E15+0.3", "D!A4"],
                             ["0", "1", "2", "3", "-1", "-2", "-5"]))
    add("rounding", grid("MROUND({0},{1})", ["10", "-10", "7.5", "1.3", "0"], ["3", "-3", "0.2", "0"]))
    add("rounding", grid("CEILING({0},{1})", ["2.5", "-2.5", "0", "7", "0.234"], ["1", "2", "0.1", "-2", "0"]))
    add("rounding", grid("FLOOR({0},{1})", ["2.5", "0", "7", "0.234"], ["1", "2", "0.1"]))
    add("rounding", grid("FLOOR({0},{1})", ["-2.5", "-7"], ["1", "2", "-2"]))
    add("rounding", grid("{0}({1})", ["CEILING.MATH", "FLOOR.MATH", "CEILING.PRECISE", "FLOOR.PRECISE", "ISO.CEILING"], ["4.3", "-4.3", "0", "7"]))
    add("rounding", grid("{0}({1},{2})", ["CEILING.MATH", "FLOOR.MATH"], ["24.3", "-24.3"], ["5", "0.7", "10"]))
    add("rounding", grid("{0}({1},{2},1)", ["CEILING.MATH", "FLOOR.MATH"], ["24.3", "-24.3"], ["5", "0.7"]))
    add("math", grid("MOD({0},{1})", ["7", "-7", "7.5", "-3", "0", "1E10"], ["3", "-3", "0.7", "2"]) + ["MOD(3,0)"])
    add("math", grid("QUOTIENT({0},{1})", ["7", "-7", "7.9"], ["2", "-2", "0.5"]) + ["QUOTIENT(1,0)"])
    add("math", grid("POWER({0},{1})", ["2", "-2", "0.5", "10"], ["2", "-1", "0.5", "3"]) + ["POWER(0,-1)", "POWER(-8,1/3)"])
    add("math", grid("LOG({0},{1})", ["8", "100", "0.5"], ["2", "10", "0.1"]) + ["LOG(8)", "LOG(0)", "LOG(8,1)"])
    add("math", grid("ATAN2({0},{1})", ["1", "-1", "0"], ["1", "-2"]) + ["ATAN2(0,0)"])
    add("math", grid("GCD({0},{1})", ["12", "18.9", "0"], ["8", "0", "30"]) + grid("LCM({0},{1})", ["12", "18.9"], ["8", "30"]) + ["GCD(D!E1:E5)", "LCM(2,3,4)"])
    add("math", grid("COMBIN({0},{1})", ["5", "10", "6.7"], ["0", "2", "5"]) + ["COMBIN(2,3)", "COMBINA(4,3)", "PERMUT(5,2)", "PERMUTATIONA(3,2)",
                                                                           "FACTDOUBLE(7)", "FACTDOUBLE(8)", "MULTINOMIAL(2,3,4)", "FACT(170)", "FACT(171)"])
    add("math", ["PI()", "SUMSQ(3,4)", "SUMSQ(D!A1:A6)", "SUMX2MY2(D!E1:E5,D!H1:H5)", "SUMX2PY2(D!E1:E5,D!H1:H5)", "SUMXMY2(D!E1:E5,D!H1:H5)",
                 "SERIESSUM(2,0,1,D!E1:E4)", "ROMAN(1999)", "ARABIC(\"MCMXCIX\")", "BASE(255,16)", "DECIMAL(\"FF\",16)", "BITAND(12,10)", "BITOR(12,10)",
                 "BITXOR(12,10)", "BITLSHIFT(3,4)", "BITRSHIFT(48,3)", "DELTA(1,1)", "GESTEP(3,2)"])
    # --- sums, counts, criteria
    RANGES = ["D!A1:A12", "D!B1:B12", "D!A1:B6", "D!B3", "D!B3:B3", "D!E1:E12"]
    for f in ["SUM", "PRODUCT", "AVERAGE", "COUNT", "COUNTA", "MIN", "MAX", "MEDIAN", "SUMSQ", "AVERAGEA", "MINA", "MAXA", "STDEV", "VAR", "STDEVP", "VARP",
              "STDEVA", "VARA", "COUNTBLANK"]:
        add("aggregates", grid(f + "({0})", RANGES))
    add("aggregates", ["SUM(D!A1:A3,5,\"2\",TRUE)", "SUM(1,D!C1:C2)", "COUNT(1,\"2\",\"x\",TRUE,D!B1:B12)", "COUNTA(\"\",D!B1:B12)", "MAX(\"7\",2)", "MIN(TRUE,5)",
                       "AVERAGE(D!B3,4)", "SUM(D!C:C)", "SUM(D!A:A)", "SUM(D!1:2)", "COUNT(D!C1:C8)", "SUM((D!A1:A2,D!A4))", "SUMPRODUCT(D!A1:A5,D!E1:E5)",
                       "SUMPRODUCT((D!A1:A12>2)*(D!E1:E12))", "SUMPRODUCT(D!A1:A3,D!E1:E4)", "SUMPRODUCT(--(D!F1:F5=\"apple\"))", "SUMPRODUCT(D!B1:B12)",
                       "SUMPRODUCT(D!A1:A5*D!H1:H5,D!E1:E5)", "SUMPRODUCT(D!A1:A12>3)"])
    for k in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111]:
        add("subtotal", ["SUBTOTAL(%d,D!A1:A12)" % k, "SUBTOTAL(%d,D!B1:B12)" % k])
    for k in range(1, 14):
        add("aggregate", ["AGGREGATE(%d,6,D!C1:C8)" % k, "AGGREGATE(%d,4,D!E1:E12)" % k])
    for k, arg in [(14, 2), (15, 3), (16, 0.3), (17, 1), (18, 0.4), (19, 3)]:
        add("aggregate", ["AGGREGATE(%d,6,D!C1:C8,%s)" % (k, arg), "AGGREGATE(%d,4,D!E1:E12,%s)" % (k, arg)])
    CRITERIA = ['2', '">2"', '"<=0"', '"<>2"', '"=2"', '"apple"', '"a*"', '"?anana"', '"*an*"', '"<>apple"', '">b"', '""', '"<>"', '"="', 'TRUE', '"TRUE"', 'D!B3',
                'D!A7', '"~~tilde"', '"a~*b"', '"x~?y"', '"12"', '12']
    add("criteria", grid("COUNTIF({0},{1})", ["D!A1:A12", "D!B1:B12", "D!F1:F12"], CRITERIA))
    add("criteria", grid("SUMIF({0},{1},D!H1:H12)", ["D!A1:A12", "D!F1:F12"], CRITERIA[:14]) + ["SUMIF(D!A1:A12,\">2\")", "SUMIF(D!F1:F12,\"a*\",D!H1)"])
    add("criteria", grid("AVERAGEIF({0},{1},D!H1:H12)", ["D!A1:A12", "D!F1:F12"], CRITERIA[:10]))
    for f in ["SUMIFS", "AVERAGEIFS", "MAXIFS", "MINIFS"]:
        add("criteria", grid(f + "(D!H1:H12,D!A1:A12,{0},D!F1:F12,{1})", ['">0"', '2', '"<>0"'], ['"*a*"', '"<>apple"', '"banana"']))
    add("criteria", grid("COUNTIFS(D!A1:A12,{0},D!H1:H12,{1})", ['">0"', '2', '"<=3"'], ['">20"', '"<>25"', '"<12"']))
    # --- order statistics, regression
    for f in ["LARGE", "SMALL"]:
        add("order", grid(f + "({0},{1})", ["D!A1:A12", "D!B1:B12", "D!E1:E12"], ["1", "3", "4", "0", "20"]))
    for f in ["PERCENTILE", "PERCENTILE.INC", "PERCENTILE.EXC"]:
        add("order", grid(f + "({0},{1})", ["D!A1:A12", "D!E1:E12"], ["0", "0.1", "0.25", "0.5", "0.9", "1", "1.1"]))
    for f in ["QUARTILE", "QUARTILE.INC", "QUARTILE.EXC"]:
        add("order", grid(f + "({0},{1})", ["D!A1:A12", "D!E1:E12"], ["0", "1", "2", "3", "4", "5"]))
    add("order", grid("RANK({0},D!A1:A12{1})", ["2", "3", "100", "5"], ["", ",1"]) + grid("{0}({1},D!A1:A12)", ["RANK.EQ", "RANK.AVG"], ["2", "3", "-8"]))
    add("order", grid("PERCENTRANK({0},{1})", ["D!A1:A12", "D!E1:E12"], ["2", "3", "20"]) + ["PERCENTRANK.INC(D!E1:E12,5)", "PERCENTRANK.EXC(D!E1:E12,5)"])
    add("order", ["MODE(D!A1:A12)", "MODE.SNGL(D!E1:E12)", "MODE(D!H1:H12)", "GEOMEAN(D!E1:E12)", "HARMEAN(D!E1:E12)", "GEOMEAN(D!A1:A12)", "SKEW(D!A1:A12)",
                  "KURT(D!A1:A12)", "SKEW.P(D!E1:E12)", "AVEDEV(D!A1:A12)", "DEVSQ(D!A1:A12)", "TRIMMEAN(D!E1:E12,0.2)", "FREQUENCY(D!E1:E12,5)"])
    for f in ["CORREL", "PEARSON", "COVAR", "COVARIANCE.P", "COVARIANCE.S", "SLOPE", "INTERCEPT", "RSQ", "STEYX"]:
        add("regression", grid(f + "({0},{1})", ["D!H1:H12", "D!A1:A12"], ["D!I1:I12", "D!E1:E12"]))
    add("regression", grid("FORECAST({0},D!H1:H12,D!I1:I12)", ["0", "5", "20"]) + ["FORECAST.LINEAR(7,D!H1:H12,D!I1:I12)", "CORREL(D!A1:A3,D!E1:E4)"])
    array("regression", "LINEST(D!H1:H12,D!I1:I12)", 1, 2)
    array("regression", "LINEST(D!H1:H12,D!I1:I12,TRUE,TRUE)", 5, 2)
    array("regression", "LINEST(D!H1:H12,D!I1:I12,FALSE)", 1, 2)
    array("regression", "TREND(D!H1:H12,D!I1:I12,D!I1:I4)", 4, 1)
    array("regression", "GROWTH(D!H1:H12,D!I1:I12,D!I1:I4)", 4, 1)
    array("regression", "LOGEST(D!H1:H12,D!I1:I12)", 1, 2)
    array("regression", "FREQUENCY(D!E1:E12,D!E4:E6)", 4, 1)
    # --- logic and information
    add("logic", ["IF(1,2)", "IF(0,2)", "IF(TRUE,,3)", "IF(D!B3,1,2)", "IF(\"TRUE\",1,2)", "IF(\"x\",1,2)", "IF(D!C2,1,2)", "IF(1>2,\"a\",\"b\")", "IF(D!A1>2,D!A1,0)",
                  "AND(TRUE,1)", "AND(D!A1:A3)", "OR(D!A1:A3)", "OR(FALSE,0)", "XOR(TRUE,TRUE,TRUE)", "NOT(0)", "NOT(D!B3)", "AND(\"x\",TRUE)", "OR(D!B1:B12)",
                  "IFERROR(1/0,\"e\")", "IFERROR(D!C4,5)", "IFERROR(3,5)", "IFNA(NA(),7)", "IFNA(1/0,7)", "IFS(FALSE,1,TRUE,2)", "IFS(FALSE,1)",
                  "SWITCH(2,1,\"a\",2,\"b\")", "SWITCH(9,1,\"a\",\"z\")", "SWITCH(9,1,\"a\")", "CHOOSE(2,\"a\",\"b\",\"c\")", "CHOOSE(4,1,2,3)", "CHOOSE(1.9,1,2)",
                  "SUM(CHOOSE(2,D!A1:A3,D!E1:E3))", "TRUE()", "FALSE()", "IF(D!B7=\"\",1,2)"])
    for f in ["ISBLANK", "ISERR", "ISERROR", "ISLOGICAL", "ISNA", "ISNONTEXT", "ISNUMBER", "ISTEXT", "TYPE", "N", "T"]:
        add("info", grid(f + "({0})", ["D!A1", "D!B2", "D!B3", "D!B4", "D!B7", "D!C2", "D!C4", "\"a\"", "1", "TRUE"]))
    add("info", grid("{0}({1})", ["ISEVEN", "ISODD"], ["2", "3", "-3.5", "0", "D!B3"]) + grid("ERROR.TYPE({0})", ["D!C2", "D!C4", "D!C6", "1"]) +
        ["ISREF(D!A1)", "ISREF(1)", "ISFORMULA(D!C2)", "ISFORMULA(D!A1)", "NA()", "ROWS(D!A1:B5)", "COLUMNS(D!A1:B5)", "ROW(D!A7)", "COLUMN(D!C1)",
         "AREAS((D!A1,D!B2:B3))", "SHEETS()"])
    # --- lookup
    add("lookup", grid("VLOOKUP({0},D!E1:H12,{1},{2})", ["2", "5", "100", "0", "2000", "\"x\""], ["1", "4"], ["TRUE", "FALSE"]))
    add("lookup", grid("VLOOKUP({0},D!F1:H12,3,FALSE)", ['"apple"', '"ban*"', '"BANANA"', '"?ebra"', '"nothing"', '"a~*b"', '"12"', "12"]))
    add("lookup", ["VLOOKUP(2,D!E1:H12,0,TRUE)", "VLOOKUP(2,D!E1:H12,9,TRUE)", "HLOOKUP(-1.5,D!A2:I5,3,FALSE)", "HLOOKUP(100,D!E10:H12,2,FALSE)"])
    add("lookup", grid("MATCH({0},D!E1:E12{1})", ["2", "5", "64", "0", "2000", "999"], ["", ",1", ",0"]))
    add("lookup", grid("MATCH({0},D!F1:F12,0)", ['"apple"', '"b*"', '"APPLE PIE"', '"x~?y"', '"q"', '"straße"']) + ["MATCH(3,{9,7,5,3,1},-1)", "MATCH(4,{9,7,5,3,1},-1)",
         "MATCH(TRUE,D!B1:B12,0)", "MATCH(8,{1,5,3,9,7})"])
    add("lookup", grid("LOOKUP({0},D!E1:E12,D!H1:H12)", ["2", "5", "0", "2000"]) + ["LOOKUP(5,D!E1:H12)", "LOOKUP(3,{1,2,4},{\"a\",\"b\",\"c\"})"])
    add("lookup", grid("INDEX(D!A1:E12,{0},{1})", ["1", "5", "13"], ["1", "5", "6"]) + ["INDEX(D!A1:A12,4)", "INDEX(D!A1:E1,3)", "SUM(INDEX(D!A1:E12,0,5))",
         "SUM(INDEX(D!A1:E12,2,0))", "INDEX({1,2;3,4},2,1)", "SUM(D!A1:INDEX(D!A1:A12,4))", "INDEX((D!A1:A3,D!E1:E3),2,1,2)"])
    add("lookup", ["OFFSET(D!A1,3,0)", "SUM(OFFSET(D!A1,1,0,3,1))", "SUM(OFFSET(D!A1:A3,0,4))", "SUM(OFFSET(D!A5,0,0,-3,1))", "OFFSET(D!A1,-1,0)", "INDIRECT(\"D!A4\")",
                   "SUM(INDIRECT(\"D!A1:A3\"))", "INDIRECT(\"D!R4C1\",FALSE)", "INDIRECT(\"nothing!A1\")", "ADDRESS(3,2)", "ADDRESS(3,2,4)", "ADDRESS(3,2,2,TRUE,\"D\")",
                   "ADDRESS(3,2,1,FALSE)", "COLUMN(D!A1:C1)", "HYPERLINK(\"http://x\",\"y\")"])
    array("lookup", "TRANSPOSE(D!A1:A4)", 1, 4)
    array("matrix", "MMULT(D!N1:P3,D!N1:P3)", 3, 3)
    array("matrix", "MINVERSE(D!N1:P3)", 3, 3)
    array("matrix", "ROUND(MMULT(D!N1:P3,MINVERSE(D!N1:P3)),9)", 3, 3)
    array("matrix", "D!A1:A4*D!E1:E4", 4, 1)
    array("matrix", "SUM(IF(D!A1:A12>2,D!E1:E12))")
    array("matrix", "MAX(ABS(D!A1:A12))")
    array("matrix", "SUM((D!A1:A12>0)*(D!H1:H12<30)*D!E1:E12)")
    array("matrix", "ROW(D!A1:A3)", 3, 1)
    array("matrix", "IF(D!A1:A4>1,\"hi\",\"lo\")", 4, 1)
    add("matrix", ["MDETERM(D!N1:P3)", "SUM(MMULT(D!N1:P3,D!N1:P3))", "MDETERM(D!N1:O3)", "SUMPRODUCT(MUNIT(3))"])
    # --- dates
    DATES = ["D!D1", "D!D2", "D!D3", "D!D4", "D!D5", "D!D6", "D!D12"]
    for f in ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "WEEKDAY", "ISOWEEKNUM", "WEEKNUM"]:
        add("dates", grid(f + "({0})", DATES))
    add("dates", grid("WEEKDAY({0},{1})", ["D!D1", "D!D4"], ["1", "2", "3", "11", "14", "17"]) + grid("WEEKNUM({0},{1})", ["D!D1", "D!D4"], ["1", "2", "11", "21"]))
    add("dates", grid("DATE({0},{1},{2})", ["2024", "2023"], ["1", "14", "0", "-3", "2"], ["1", "31", "0", "-5"]) + ["DATE(2024,1,1.9)"])
    add("dates", grid("EDATE({0},{1})", DATES[:4], ["1", "-1", "12", "13.9"]) + grid("EOMONTH({0},{1})", DATES[:4], ["0", "1", "-1", "-13"]))
    add("dates", grid("DATEDIF(D!D6,D!D4,{0})", ['"y"', '"m"', '"d"', '"ym"', '"yd"', '"md"']) + ["DATEDIF(D!D4,D!D6,\"d\")", "DAYS(D!D4,D!D1)"])
    add("dates", grid("DAYS360({0},{1})", ["D!D1", "D!D2", "D!D6"], ["D!D3", "D!D4"]) + ["DAYS360(D!D1,D!D4,TRUE)", "DAYS360(D!D2,D!D3,TRUE)"])
    add("dates", grid("YEARFRAC(D!D6,{0},{1})", ["D!D1", "D!D2", "D!D4"], ["0", "1", "2", "3", "4"]) + ["YEARFRAC(D!D1,D!D3)"])
    add("dates", ["NETWORKDAYS(D!D1,D!D4)", "NETWORKDAYS(D!D4,D!D1)", "NETWORKDAYS(D!D1,D!D4,D!D2:D3)", "NETWORKDAYS.INTL(D!D1,D!D4,11)",
                  "NETWORKDAYS.INTL(D!D1,D!D4,\"0000011\")", "WORKDAY(D!D1,10)", "WORKDAY(D!D1,-10)", "WORKDAY(D!D1,30,D!D2:D3)", "WORKDAY.INTL(D!D1,10,7)",
                  "TIME(12,30,15)", "TIME(25,0,0)", "TIME(0,90,0)", "DATEVALUE(\"2024-03-01\")", "DATEVALUE(\"3/1/2024\")", "TIMEVALUE(\"14:45:30\")",
                  "DATEVALUE(\"1 Mar 2024\")", "HOUR(0.75)", "MINUTE(0.7604)", "SECOND(0.99999)"])
    # --- money
    add("money", grid("PMT({0},{1},{2})", ["0.01", "0", "0.004"], ["12", "360"], ["1000", "-250000"]) + grid("PMT(0.01,24,1000,{0},{1})", ["0", "500"], ["0", "1"]))
    for f in ["IPMT", "PPMT"]:
        add("money", grid(f + "(0.01,{0},24,1000{1})", ["1", "2", "12", "24", "25"], ["", ",500", ",500,1"]))
    add("money", grid("FV({0},{1},-100{2})", ["0.01", "0"], ["12", "60"], ["", ",-1000", ",-1000,1"]) + grid("PV({0},{1},-100{2})", ["0.01", "0"], ["12", "60"], ["", ",-1000,1"]))
    add("money", ["NPER(0.01,-100,1000)", "NPER(0.01,-100,1000,200,1)", "NPER(0,-100,1000)", "NPER(0.2,-100,1000)", "RATE(24,-50,1000)", "RATE(360,-1200,200000)",
                  "RATE(10,0,-1000,2000)", "RATE(24,-50,1000,0,1)", "NPV(0.1,D!G1:G12)", "NPV(0.1,100,200,300)", "NPV(-0.5,D!G1:G5)", "IRR(D!G1:G12)", "IRR(D!G1:G6)",
                  "IRR(D!G1:G6,0.5)", "IRR(D!E1:E4)", "MIRR(D!G1:G12,0.1,0.12)", "XNPV(0.1,D!G1:G4,D!D1:D4)", "XIRR(D!G1:G4,D!D1:D4)", "EFFECT(0.1,12)", "NOMINAL(0.1,12)",
                  "CUMIPMT(0.01,24,1000,1,12,0)", "CUMPRINC(0.01,24,1000,1,12,0)", "CUMPRINC(0.01,24,1000,13,24,1)", "ISPMT(0.1,1,3,8000)", "PDURATION(0.025,2000,2200)",
                  "RRI(96,10000,11000)", "FVSCHEDULE(1,{0.09,0.11,0.1})", "DOLLARDE(1.02,16)", "DOLLARFR(1.125,16)"])
    add("money", grid("SLN(10000,{0},{1})", ["1000", "0"], ["5", "10"]) + grid("SYD(10000,1000,5,{0})", ["1", "3", "5"]) + grid("DB(10000,1000,5,{0}{1})", ["1", "2", "5"], ["", ",7"]) +
        grid("DDB(10000,1000,5,{0}{1})", ["1", "2", "5"], ["", ",1.5"]) + ["VDB(10000,1000,5,0,1)", "VDB(10000,1000,5,1,3)", "VDB(10000,1000,5,0.5,1.25)", "VDB(10000,1000,5,2,5,1.5,TRUE)",
                                                                              "VDB(2400,300,10,0,0.875,1.5)"])
    add("bonds", ["PRICE(DATE(2024,2,15),DATE(2034,11,15),0.0575,0.065,100,2,0)", "YIELD(DATE(2024,2,15),DATE(2034,11,15),0.0575,95.04287,100,2,0)",
                  "DURATION(DATE(2024,7,1),DATE(2048,1,1),0.08,0.09,2,1)", "MDURATION(DATE(2024,7,1),DATE(2048,1,1),0.08,0.09,2,1)", "DISC(DATE(2024,1,25),DATE(2024,6,15),97.975,100,1)",
                  "INTRATE(DATE(2024,2,15),DATE(2024,5,15),1000000,1014420,2)", "RECEIVED(DATE(2024,2,15),DATE(2024,5,15),1000000,0.0575,2)",
                  "COUPNUM(DATE(2024,1,25),DATE(2025,11,15),2,1)", "COUPDAYS(DATE(2024,1,25),DATE(2025,11,15),2,1)", "COUPPCD(DATE(2024,1,25),DATE(2025,11,15),2,1)",
                  "COUPNCD(DATE(2024,1,25),DATE(2025,11,15),2,1)", "COUPDAYBS(DATE(2024,1,25),DATE(2025,11,15),2,1)", "COUPDAYSNC(DATE(2024,1,25),DATE(2025,11,15),2,1)",
                  "TBILLEQ(DATE(2024,3,31),DATE(2024,6,1),0.0914)", "TBILLPRICE(DATE(2024,3,31),DATE(2024,6,1),0.09)", "TBILLYIELD(DATE(2024,3,31),DATE(2024,6,1),98.45)",
                  "ACCRINTM(DATE(2024,4,1),DATE(2024,6,15),0.1,1000,3)"])
    # --- distributions
    P = ["0.001", "0.25", "0.5", "0.9", "0.999"]
    X = ["-1.5", "0", "0.7", "2.3"]
    POS = ["0.1", "1", "3.5", "10"]
    add("dist", grid("NORM.DIST({0},1,2,{1})", X, ["TRUE", "FALSE"]) + grid("NORM.INV({0},1,2)", P) + grid("NORM.S.DIST({0},{1})", X, ["TRUE", "FALSE"]) +
        grid("NORM.S.INV({0})", P) + grid("NORMDIST({0},1,2,TRUE)", X) + grid("NORMINV({0},1,2)", P) + grid("NORMSDIST({0})", X) + grid("NORMSINV({0})", P))
    add("dist", grid("LOGNORM.DIST({0},1,0.5,{1})", POS, ["TRUE", "FALSE"]) + grid("LOGNORM.INV({0},1,0.5)", P) + grid("LOGINV({0},1,0.5)", P) + grid("LOGNORMDIST({0},1,0.5)", POS))
    add("dist", grid("T.DIST({0},5,{1})", X, ["TRUE", "FALSE"]) + grid("T.INV({0},5)", P) + grid("T.INV.2T({0},5)", P) + grid("TDIST({0},5,{1})", POS, ["1", "2"]) + grid("TINV({0},5)", P) +
        grid("T.DIST.2T({0},7)", POS) + grid("T.DIST.RT({0},7)", X))
    add("dist", grid("F.DIST({0},4,7,{1})", POS, ["TRUE", "FALSE"]) + grid("F.INV({0},4,7)", P) + grid("FDIST({0},4,7)", POS) + grid("FINV({0},4,7)", P) + grid("F.DIST.RT({0},4,7)", POS) + grid("F.INV.RT({0},4,7)", P))
    add("dist", grid("CHISQ.DIST({0},6,{1})", POS, ["TRUE", "FALSE"]) + grid("CHISQ.INV({0},6)", P) + grid("CHIDIST({0},6)", POS) + grid("CHIINV({0},6)", P) + grid("CHISQ.DIST.RT({0},6)", POS) + grid("CHISQ.INV.RT({0},6)", P))
    add("dist", grid("BETA.DIST({0},2,3,{1})", ["0.1", "0.5", "0.95"], ["TRUE", "FALSE"]) + grid("BETA.INV({0},2,3)", P) + grid("BETADIST({0},2,3,1,5)", ["1.5", "3", "4.9"]) + grid("BETAINV({0},2,3,1,5)", P))
    add("dist", grid("GAMMA.DIST({0},2.5,1.5,{1})", POS, ["TRUE", "FALSE"]) + grid("GAMMA.INV({0},2.5,1.5)", P) + grid("GAMMADIST({0},2.5,1.5,TRUE)", POS) + grid("GAMMAINV({0},2.5,1.5)", P))
    add("dist", grid("EXPON.DIST({0},0.8,{1})", POS, ["TRUE", "FALSE"]) + grid("WEIBULL.DIST({0},1.5,2,{1})", POS, ["TRUE", "FALSE"]) + grid("WEIBULL({0},1.5,2,TRUE)", POS))
    K = ["0", "1", "3", "7", "10"]
    add("dist", grid("BINOM.DIST({0},10,0.3,{1})", K, ["TRUE", "FALSE"]) + grid("BINOM.INV(10,0.3,{0})", P) + grid("CRITBINOM(10,0.3,{0})", P) + grid("POISSON.DIST({0},2.5,{1})", K, ["TRUE", "FALSE"]) +
        grid("HYPGEOM.DIST({0},10,20,50,{1})", K, ["TRUE", "FALSE"]) + grid("HYPGEOMDIST({0},10,20,50)", K) + grid("NEGBINOM.DIST({0},4,0.4,{1})", K, ["TRUE", "FALSE"]) +
        grid("NEGBINOMDIST({0},4,0.4)", K) + ["BINOM.DIST.RANGE(10,0.3,2,5)", "BINOM.DIST.RANGE(10,0.3,2)"])
    add("dist", grid("GAMMA({0})", ["0.5", "1", "4.5", "10", "-1.5", "0"]) + grid("GAMMALN({0})", ["0.5", "1", "4.5", "100"]) + grid("{0}({1})", ["ERF", "ERFC"], ["0", "0.5", "1.5", "-1"]) +
        ["ERF(0.5,1)", "CONFIDENCE(0.05,2,50)", "CONFIDENCE.NORM(0.05,2,50)", "CONFIDENCE.T(0.05,2,50)", "STANDARDIZE(5,3,2)", "FISHER(0.5)", "FISHER(1)", "FISHERINV(0.5)", "PHI(0.7)", "GAUSS(1.2)",
         "PROB(D!E1:E3,{0.2;0.3;0.5},2)", "Z.TEST(D!H1:H12,20)", "T.TEST(D!H1:H12,D!I1:I12,2,1)", "F.TEST(D!H1:H12,D!I1:I12)", "CHISQ.TEST(D!H1:H4,D!I1:I4)"])
    add("dist", ["NORM.DIST(1,0,0,TRUE)", "NORM.S.INV(1)", "NORM.INV(0,0,1)", "T.INV(0.5,0)", "GAMMA.DIST(-1,2,3,TRUE)", "POISSON.DIST(-1,2,TRUE)", "BINOM.DIST(11,10,0.3,TRUE)", "BETA.DIST(2,2,3,TRUE)"])
    # --- text
    TEXTS = ['"Hello World"', '""', "D!F11", "D!A4", "D!B4", "D!B3", "12.5"]
    for f in ["LEN", "UPPER", "LOWER", "PROPER", "TRIM", "LEFT", "RIGHT"]:
        add("text", grid(f + "({0})", TEXTS))
    add("text", grid("{0}(\"abcdef\",{1})", ["LEFT", "RIGHT"], ["0", "2", "9", "2.9", "-1"]) + grid("MID(\"abcdef\",{0},{1})", ["1", "3", "7", "0"], ["0", "2", "9"]))
    add("text", grid("{0}(\"{1}\",\"Abcabc\"{2})", ["FIND", "SEARCH"], ["b", "B", "z", ""], ["", ",3", ",7", ",9"]) + ["SEARCH(\"a?c\",\"xabcx\")", "SEARCH(\"~?\",\"what?\")", "SEARCH(\"b*c\",\"abxxc\")"])
    add("text", ["SUBSTITUTE(\"a-b-c\",\"-\",\"+\")", "SUBSTITUTE(\"a-b-c\",\"-\",\"+\",2)", "SUBSTITUTE(\"aaa\",\"aa\",\"b\")", "SUBSTITUTE(\"abc\",\"\",\"x\")", "REPLACE(\"abcdef\",2,3,\"XY\")",
                 "REPLACE(\"abc\",9,1,\"Z\")", "CONCATENATE(\"a\",1,TRUE)", "CONCAT(D!F1:F3)", "TEXTJOIN(\"-\",TRUE,D!F1:F12)", "TEXTJOIN(\"-\",FALSE,D!F8:F10)", "REPT(\"ab\",3)", "REPT(\"x\",0)",
                 "EXACT(\"a\",\"A\")", "EXACT(1,\"1\")", "CHAR(65)", "CODE(\"A\")", "UNICHAR(8364)", "UNICODE(\"€\")", "CLEAN(\"a\"&CHAR(7)&\"b\")", "VALUE(\"12.5\")", "VALUE(\"1,234.5\")", "VALUE(\"50%\")",
                 "VALUE(\"x\")", "VALUE(\"$5\")", "VALUE(\"1E3\")", "NUMBERVALUE(\"1.234,5\",\",\",\".\")", "FIXED(1234.567,1)", "FIXED(1234.567,-2,TRUE)", "DOLLAR(1234.567)", "T(D!A1)", "TRIM(\"  a  b  \")",
                 "PROPER(\"it's a 2nd-hand CAR\")", "LEFT(\"€uro\",1)", "LEN(\"😀\")"])
    FORMATS = ["0", "0.00", "#,##0", "#,##0.00", "0%", "0.0%", "0.00E+00", "00000", "#.##", "$#,##0.00", "0.0,", "#,##0;(#,##0)", "0;-0;zero", "+0.0;-0.0"]
    add("format", grid("TEXT({0},\"{1}\")", ["0", "1234.567", "-1234.567", "0.285", "0.5", "1000000"], FORMATS))
    DFORMATS = ["yyyy-mm-dd", "d mmm yy", "dddd", "mmmm", "hh:mm:ss", "h:mm AM/PM", "dd/mm/yyyy hh:mm", "[h]:mm", "mm:ss"]
    add("format", grid("TEXT({0},\"{1}\")", ["D!D1", "D!D5", "D!D2"], DFORMATS))
    add("format", ["TEXT(\"abc\",\"0\")", "TEXT(\"abc\",\"@!\")", "TEXT(TRUE,\"0\")", "TEXT(0.75,\"# ?/?\")", "TEXT(1.5,\"# ??/??\")", "TEXT(12345.678,\"General\")"])
    add("bases", ["DEC2BIN(10)", "DEC2BIN(-5)", "DEC2HEX(255,4)", "DEC2OCT(64)", "BIN2DEC(\"1010\")", "BIN2HEX(\"11111111\")", "HEX2DEC(\"FF\")", "HEX2BIN(\"F\",8)", "OCT2DEC(\"77\")",
                  "BIN2DEC(\"1111111111\")", "HEX2DEC(\"FFFFFFFFFF\")", "CONVERT(1,\"mi\",\"km\")", "CONVERT(100,\"C\",\"F\")", "CONVERT(1,\"lbm\",\"kg\")", "CONVERT(1,\"m\",\"s\")"])
    # --- names, sheets, tables
    add("structure", ["Rate*2", "SUM(Block)", "Local+1", "structure!Local", "SUM(Column)", "Twice", "SUM(T1:T3!A1)", "SUM(T1:T3!A1:B2)", "AVERAGE(T1:T3!B1)",
                      "MAX(T1:T2!A1:B3)", "'S''3'!B2", "SUM('S''3'!A:A)", "T1!A1+T2!A1", "COUNT(T1!A:B)", "SUM(T1!1:1)", "SUM(T1!$A$1:T1!B2)", "INDEX(Block,2,1)", "VLOOKUP(4,Block,2,FALSE)",
                      "SUM(OFFSET(Block,0,0,2,1))", "INDIRECT(\"Rate\")", "SUM(INDIRECT(\"Block\"))", "ROWS(Block)", "SUM(Block Rows2)", "ISREF(Rate)", "nothing+1",
                      "SUM(T1!A1,T2!A1:B2,3)", "IF(Rate>0,Block,0)", "COUNTIF(Block,\">3\")", "SUMPRODUCT(Block,Block)"])
    array("structure", "Block*2", 3, 2)
    # --- argument edges
    add("edges", ["SUM()", "ROUND(2.5,)", "IF(TRUE,)", "LEFT(\"abc\",)", "PMT(0.01,12,1000,,1)", "MATCH(2,D!E1:E12,)", "VLOOKUP(2,D!E1:H12,2,)", "OFFSET(D!A1,1,)", "CHOOSE(1,,2)", "COUNT(,1)",
                  "COUNTA(,1)", "AVERAGE(,4)", "MAX(,-5)", "IF(,1,2)", "CEILING.MATH(-5.5,,1)", "AND(,TRUE)", "CONCATENATE(\"a\",,\"b\")", "LOG(100,)", "INDEX(D!A1:A12,)"][1:])
    return out


# Formulas that LibreOffice 7.4 calculates other than Excel documents, or not at all: a pattern, and what differs.
SKIP = [
    (r'"a"<TRUE|TRUE>1|&TRUE|"a",1,TRUE|TEXT\(TRUE|ISNUMBER\(TRUE|TYPE\(TRUE|\(D!B1:B12,"?TRUE|MATCH\(TRUE|SUMPRODUCT\(D!A1:A12>3',
     "logicals are numbers there"),
    (r"TYPE\(D!B7|ISEVEN\(D!B3|ISODD\(D!B3", "a text of no length, an empty cell"),
    (r'^1E2[01]&|123456789012345678&|\(0\.5-0\.4-0\.1\)', "other rules for 15 digits"),
    (r"\(-8\)\^\(1/3\)|POWER\(-8,1/3\)", "real roots of negative numbers"),
    (r"FACT\(-0\.5\)", "truncated before or after the check: not documented"),
    (r"MOD\(-?7,0\.7\)|MOD\(1E10,0\.7\)", "an approximate remainder"),
    (r"ATAN2\(0,0\)", "#DIV/0! in Excel"),
    (r"MROUND\(-?[0-9.]+,-3\)|MROUND\(-10,", "signs that differ are #NUM! in Excel"),
    (r'5,"2",TRUE|MAX\("7"', "texts of numbers as arguments count in Excel"),
    (r"COUNTIF\(D!B1:B12,(2|D!A7)\)|COUNTIF\(D!F1:F12,12\)", "a number as criterion meets texts of it in Excel"),
    (r"RANK\(5,", "what is not in the list is #N/A in Excel"),
    (r"PERCENTRANK", "Excel cuts to three decimals, LibreOffice rounds to three digits"),
    (r"OFFSET\(D!A5,0,0,-3", "negative heights are allowed in Excel"),
    (r"WEEKNUM\(D!D[46]", "the last days of a year belong to week 53 in Excel, but for system 21"),
    (r'DATEVALUE\("1 Mar', "depends on the locale's patterns"),
    (r"^M?DURATION", "wrong there where the settlement is a coupon date: the sum over the flows gives ours"),
    (r"BINOM\.DIST\.RANGE", "not known by that name"),
    (r'UPPER\(D!F11|LEN\("😀', "sharp s; characters outside the first plane"),
    (r'(FIND|SEARCH)\(""', "a text of no length is found in Excel"),
    (r'"#\.##"|"0;-0;zero"|TEXT\(0\.285,"0%"', "formats"),
    (r'CONVERT\(1,"lbm"', "the pound to nine digits"),
]


def prefixed(f):
    """Functions newer than the file format carry _xlfn. in files."""
    new = ("CEILING.MATH FLOOR.MATH CEILING.PRECISE FLOOR.PRECISE COT SEC CSC ACOT COTH SECH CSCH COMBINA PERMUTATIONA BASE DECIMAL ARABIC BITAND BITOR "
           "BITXOR BITLSHIFT BITRSHIFT AGGREGATE MAXIFS MINIFS PERCENTILE.INC PERCENTILE.EXC QUARTILE.INC QUARTILE.EXC RANK.EQ RANK.AVG PERCENTRANK.INC "
           "PERCENTRANK.EXC MODE.SNGL SKEW.P COVARIANCE.P COVARIANCE.S FORECAST.LINEAR XOR IFNA IFS SWITCH ISFORMULA SHEETS ISOWEEKNUM DAYS NORM.DIST NORM.INV "
           "NORM.S.DIST NORM.S.INV LOGNORM.DIST LOGNORM.INV T.DIST T.INV T.INV.2T T.DIST.2T T.DIST.RT F.DIST F.INV F.DIST.RT F.INV.RT CHISQ.DIST CHISQ.INV "
           "CHISQ.DIST.RT CHISQ.INV.RT BETA.DIST BETA.INV GAMMA.DIST GAMMA.INV EXPON.DIST WEIBULL.DIST BINOM.DIST BINOM.INV POISSON.DIST HYPGEOM.DIST "
           "NEGBINOM.DIST BINOM.DIST.RANGE GAMMA CONFIDENCE.NORM CONFIDENCE.T PHI GAUSS Z.TEST T.TEST F.TEST CHISQ.TEST CONCAT TEXTJOIN UNICHAR UNICODE "
           "NUMBERVALUE PDURATION RRI MUNIT").split()
    for name in new:
        f = re.sub(r"(?<![A-Z0-9.])%s\(" % re.escape(name), "_xlfn.%s(" % name, f)
    return f


def cells_of_data():
    for col, values in DATA.items():
        if col == "J":
            continue
        for r, v in enumerate(values):
            yield col, r + 1, v
    for r, line in enumerate(MATRIX):
        for c, v in enumerate(line):
            yield "NOP"[c], r + 1, v


# Sheets beside D, and names: scope (None: the workbook), name, what it refers to.
SHEETS = {"T1": [[1, 2], [3, 4], [5, 6]], "T2": [[10, 20], [30, 40], [50, 60]], "T3": [[100, 200], [300, 400], [500, 600]], "S'3": [[7, 8], [9, 10]]}
NAMES = [(None, "Rate", "D!$A$6"), (None, "Block", "T1!$A$1:$B$3"), (None, "Rows2", "T1!$A$2:$B$9"), (None, "Column", "T2!$A:$A"),
         (None, "Twice", "Rate*2+1"), ("structure", "Local", "T2!$B$1"), ("dates", "Local", "T2!$B$2")]


def skipped(f):
    return any(re.search(pattern, f) for pattern, _ in SKIP)


def layout(errors):
    """Sheet of each family, and the row of each formula."""
    rows = {}
    for item in formulas():
        family, f = item[0], item[1]
        if skipped(f):
            continue
        if f in errors:
            f = "ISERROR(%s)" % f
        at = rows.setdefault(family, 1)
        yield family, at, f, item[2:] or None
        rows[family] = at + (item[2] if len(item) > 2 else 1)


def write_openpyxl(path, errors):
    wb = openpyxl.Workbook()
    ws = wb.active
    ws.title = "D"
    for col, r, v in cells_of_data():
        ws["%s%d" % (col, r)] = v
        if isinstance(v, str) and not v.startswith("="):
            ws["%s%d" % (col, r)].data_type = "s"
    for title, lines in SHEETS.items():
        wb.create_sheet(title)
        for line in lines:
            wb[title].append(line)
    for family, r, f, shape in layout(errors):
        if family not in wb.sheetnames:
            wb.create_sheet(family)
        ws = wb[family]
        ws.cell(r, 1).value = f
        ws.cell(r, 1).data_type = "s"
        if shape:
            last = openpyxl.utils.get_column_letter(2 + shape[1])
            ws.formula_attributes["C%d" % r] = {"t": "array", "ref": "C%d:%s%d" % (r, last, r + shape[0] - 1)}
        ws.cell(r, 3).value = "=" + prefixed(f)
    for scope, name, refers in NAMES:
        at = wb.sheetnames.index(scope) if scope else None
        wb.defined_names.append(openpyxl.workbook.defined_name.DefinedName(name, attr_text=refers, localSheetId=at))
    wb.save(path)


def write_xlsxwriter(path, errors):
    wb = xlsxwriter.Workbook(path)
    sheets = {"D": wb.add_worksheet("D")}
    for col, r, v in cells_of_data():
        at = "%s%d" % (col, r)
        if v is None:
            continue
        if isinstance(v, str) and v.startswith("="):
            sheets["D"].write_formula(at, v)
        elif isinstance(v, str):
            sheets["D"].write_string(at, v)
        elif isinstance(v, bool):
            sheets["D"].write_boolean(at, v)
        else:
            sheets["D"].write_number(at, v)
    for title, lines in SHEETS.items():
        sheets[title] = wb.add_worksheet(title)
        for r, line in enumerate(lines):
            sheets[title].write_row(r, 0, line)
    for family, r, f, shape in layout(errors):
        if family not in sheets:
            sheets[family] = wb.add_worksheet(family)
        ws = sheets[family]
        ws.write_string(r - 1, 0, f)
        if shape:
            ws.write_array_formula(r - 1, 2, r + shape[0] - 2, 1 + shape[1], "{=" + prefixed(f) + "}")
        else:
            ws.write_formula(r - 1, 2, "=" + prefixed(f))
    for scope, name, refers in NAMES:
        wb.define_name(scope + "!" + name if scope else name, "=" + refers)
    wb.close()


def calculate(path, folder, profile):
    """LibreOffice calculates everything anew and saves."""
    user = os.path.join(profile, "user")
    os.makedirs(user, exist_ok=True)
    with open(os.path.join(user, "registrymodifications.xcu"), "w") as f:
        f.write('<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry">\n'
                '<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">'
                '<value>0</value></prop></item>\n</oor:items>\n')
    subprocess.run(["soffice", "-env:UserInstallation=file://" + profile, "--headless", "--calc", "--convert-to",
                    "xlsx:Calc MS Excel 2007 XML", "--outdir", folder, path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def erroneous(path):
    """The formulas of a calculated workbook that give an error; an error of an array is left alone."""
    wb = openpyxl.load_workbook(path, data_only=True)
    return {ws.cell(r, 1).value for ws in wb for r in range(1, ws.max_row + 1)
            if ws.title != "D" and ws.cell(r, 3).data_type == "e" and ws.cell(r, 1).value}


def main():
    here = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as tmp:
        for name, write in (("stress-xlsxwriter.xlsx", write_xlsxwriter), ("stress-openpyxl.xlsx", write_openpyxl)):
            path, result = os.path.join(tmp, name), os.path.join(tmp, "out", name)
            errors = set()
            for _ in range(2):
                write(path, errors)
                calculate(path, os.path.join(tmp, "out"), os.path.join(tmp, "profile"))
                errors |= erroneous(result)
            shutil.copy(result, os.path.join(here, name))


if __name__ == "__main__":
    main()
