/*
 * The vector machine against the scalar evaluator, bit for bit: each formula is put into a cell of the DCF example (inputs
 * random), and 256 trials are computed both ways, in every instruction set. A formula that has no lanes at all fails here
 * unless it says so.
 */
#include <stdlib.h>

#include "engine/lower.h"
#include "engine/sampler.h"
#include "engine/spec.h"
#include "engine/vm.h"
#include "formula/copula.h"
#include "tests/unit/lane_value.h"
#include "tests/unit/tap.h"

/* Inputs!B4.. are random: B4 normal(1000,80), B5 pert, B7 a share; Inputs!D4.. below are set by the test. */
static const struct {
	const char *formula;
	int tree; /* 1: part of it runs on the scalar evaluator, knowingly */
} cases[] = {
    {"B4+B5*2-B7/3", 0}, {"-B4^2+B5%", 0}, {"B4*B5-B4*B5", 0}, {"(B4-1000)/(B5-0.06)", 0}, {"B5^0.5+B4^-1.5+B5^3.7", 0},
    {"(1+B5)^2+(1+B5)^3*(1+B5)^-7-(1+B5)^10/(1+B5)^2.5+(1+B5)^64.5+(1+B5)^-1+(1+B5)^-0.5+(1+B5)^63", 0}, {"(1+B5)^0+B4^0", 0}, {"(B5-0.05)^3+(B5-0.05)^-2+(B5-0.05)^6", 0},
    {"1/(B4-B4)", 0}, {"IF(B4>1000,B5,\"x\")", 0}, {"IF(B4>1000,IF(B5>0.06,1,2),3)", 0}, {"IFERROR(1/(INT(B4)-1000),7)", 0},
    {"IF(AND(B4>990,OR(B5<0.05,B7>0.45)),SQRT(B4),LN(B5))", 0}, {"SQRT(B4-1000)", 0}, {"LN(B5-0.06)", 0}, {"EXP(B5*100)", 0},
    {"EXP(B4)", 0}, {"ROUND(B4,2)+ROUND(B5,3)+ROUND(B4,-1)", 0}, {"ROUNDUP(B4,1)-ROUNDDOWN(B4,1)", 0}, {"MOD(B4,7)", 0},
    {"MOD(B4,B5)", 0}, {"INT(B4)=TRUNC(B4)", 0}, {"SUM(B4:B7,3)", 0}, {"AVERAGE(B4:B18)", 0}, {"MAX(B4:B10)-MIN(B4:B10)", 0},
    {"PRODUCT(B5:B8)", 0}, {"SUMSQ(B4:B6)", 0}, {"SUMPRODUCT(B4:B8,B5:B9)", 0}, {"SUMPRODUCT((B4:B8>0.05)*B5:B9)", 0},
    {"COUNT(B4:B18)+COUNTA(A4:B18)", 0}, {"SUMIF(B4:B10,\">0.06\")", 0}, {"COUNTIF(B4:B10,\"<\"&0.1)", 0},
    {"AVERAGEIF(B5:B8,\">0.05\",B6:B9)", 0}, {"SUMIFS(B4:B8,B5:B9,\">0.05\",B4:B8,\"<900\")", 0},
    {"MINIFS(B5:B9,B5:B9,\">0.05\")", 0}, {"CHOOSE(INT(B5*50)+1,B4,B7,3,4,5,6,7,8)", 0},
    {"INDEX(B4:B18,INT(B5*100)+1)", 0}, {"VLOOKUP(B5,{0,1;0.05,2;0.07,3},2)", 0}, {"MATCH(B5,{0,0.03,0.06,0.09},1)", 0},
    {"MATCH(INT(B5*100),{4,5,6,7},0)", 0}, {"XLOOKUP(INT(B5*100),{4,5,6,7},{10,20,30,40},-1)", 0},
    {"LOOKUP(B5,{0,0.05,0.07},{\"low\",\"mid\",\"high\"})=\"mid\"", 0}, {"IF(B5>0.06,\"up\",\"down\")=\"UP\"", 0},
    {"NPV(B14,B4:B8)", 0}, {"PMT(B14/12,360,-B4*1000)", 0}, {"IRR(CHOOSE({1,2,3},-B4,B4*0.6,B4*0.7))", 0},
    {"STDEV(B4:B18)+VAR(B4:B18)", 0}, {"MEDIAN(B4:B18)", 0}, {"LARGE(B4:B18,3)+SMALL(B4:B18,2)", 0},
    {"PERCENTILE(B4:B18,0.3)", 0}, {"CORREL(B4:B10,B5:B11)", 0}, {"NORM.DIST(B4,1000,80,TRUE)", 0},
    {"NORM.S.INV(B7)", 0}, {"NORMINV(RAND(),B4,B5)", 0}, {"RAND()+RAND()*10", 0}, {"RANDBETWEEN(1,6)+RANDBETWEEN(1,6)", 0},
    {"LET(x,B4,y,x+B5,x*y)", 0}, {"SIN(B4)+COS(B4)+TAN(B5)+ATAN(B4)", 0}, {"ISERROR(1/(B4>1000))", 0},
    {"ISNUMBER(IF(B5>0.06,1,\"a\"))", 0}, {"SWITCH(INT(B5*100),5,\"a\",6,\"b\",\"c\")=\"b\"", 0}, {"IFS(B5>0.08,1,B5>0.06,2,TRUE,3)", 0},
    {"XOR(B4>1000,B5>0.06)", 0}, {"NOT(B4>1000)+0", 0}, {"DATE(2024,INT(B5*100),1)", 0}, {"YEARFRAC(45000,45000+B4)", 0},
    {"ABS(B4-1000)", 0}, {"SIGN(B5-0.06)", 0}, {"B4=1000", 0}, {"B4<>B4", 0}, {"ROUND(B5,2)=0.06", 0}, {"B5-0.06", 0},
    {"LEN(\"x\"&INT(B4))", 1}, {"SUM(OFFSET(B4,0,0,INT(B5*50)+1,1))", 0}, {"INDIRECT(\"B\"&(INT(B5*50)+4))", 1},
    {"OFFSET(B4,INT(B5*50),0)", 0}, {"RiskTriang(1,B5*30,6)", 0}, {"RiskNormal(B4,5)", 0},
    {"RiskNormal(10,5,RiskTruncate(0,20))", 0}, {"RiskExpon(B5,RiskTruncate(B5*20,B5*20.5))", 0}, {"RiskExpon(1,RiskTruncate(20,))", 0},
    {"RiskPoisson(3,RiskTruncate2(5.5,9.5),RiskShift(0.25))", 0}, {"RiskDiscrete({1,2.5,7},{1,1,1},RiskTruncate(2,7))", 0}, {"RiskLognorm(10,5,RiskShift(3))", 0}, {"RiskPert(1,2,5)+RiskGamma(2,3)", 0},
    {"RiskPoisson(3)+RiskBinomial(10,0.3)", 0}, {"RiskDiscrete({1,2,5},{0.2,0.5,0.3})", 0}, {"RiskPoisson(B5*100)", 0},
    {"RiskBeta(2,3,RiskTruncateP(0.1,0.9))", 0}, {"RiskExpon(B4)", 0}, {"RiskWeibull(2,RiskUniform(1,2))", 0},
    {"SUBTOTAL(9,B4:B8)", 0}, {"RANK(B5,B5:B9)", 0}, {"SUM(SORT(B4:B8))", 1}, {"FV(B14,10,-B4)", 0}, {"ERF(B5)", 0},
    {"BESSELJ(B5*100,2)+BESSELY(B5*100,1)", 0}, {"BESSELI(B5*100,2)+BESSELK(B5*100,1)", 0},
    {"DSUM(A4:B18,1,{\"x\";1})", 1},
    {"ODDFPRICE(39763,44256,39736,39873,B5,0.0625,100,2,1)+AMORLINC(B4,39679,39813,300,1,0.15,1)", 0},
    {"SUM(BYROW(B4:B8,SUM))", 0}, {"PERCENTOF(B4:B6,B4:B8)", 0}, {"INDEX(GROUPBY({1;2;1},B4:B6,SUM),1,2)", 1},
    {"SUM(IF(B4>1000,B5:B7,B6:B9))", 1}, {"MAX(0,IF(B4>1000,B5,B7))", 0}, {"SUM(IF(B4>1000,E50,B5))", 1}, {"SUM(IF(B4>1000,{1,2,3},{4,5}))", 1},
    {"SUM(2*IF(B4>1000,{1,2},{4,5})+1)", 1}, {"SUM(ROUND(IF(B4>1000,{1.5,2.5},B5),0))", 1}, {"SUMPRODUCT(IF(B4>1000,B4:B6,B5:B7))", 1},
    {"SUM(CHOOSE(INT(B5*50)-1,B4:B6,B5:B7,B6:B8))", 1}, {"AND(IFERROR(1/(B4>1000),B4:B6))", 1}, {"SUM(SWITCH(INT(B5*100),5,B4:B6,B7))", 1},
    {"IF(B4>1000,B5:B7,B6:B9)", 0}, {"ROUND(IF(B4>1000,B5,E50),1)", 0}, {"COUNTA(,B4)+COUNT(,B4:B5)", 0}, {"SUM(INDEX(E50:E57,INT(B5*50)+1))", 1},
    {"CONVERT(B4,\"mi\",\"km\")+CONVERT(B5,\"C\",\"F\")+CONVERT(B4,\"K\",\"Rank\")", 0}, {"CONVERT(B4,\"m\",\"kg\")", 1},
    {"DATEDIF(40000,40000+B4,\"YM\")+DATEDIF(40000-B4,40000,\"md\")", 0}, {"DATEDIF(B4,5,\"D\")", 0},
    {"ISEVEN(B4)", 0}, {"IF(ISODD(B4),B5,B7)", 0}, {"ISODD(B4>0)", 1}, {"WORKDAY.INTL(45000,B4,\"0000011\",{45010,45011})", 0},
    {"NETWORKDAYS.INTL(45000,45000+B4,7)", 0}, {"NETWORKDAYS.INTL(45000,45000+B4)+WORKDAY.INTL(45000,B4/10,11)", 0},
    {"WORKDAY.INTL(45000,B4,\"1111111\")", 0}, {"NETWORKDAYS.INTL(45000,45000+B4,99)", 1},
    {"SUM(MAKEARRAY(1,3,RANDBETWEEN))+B4", 1},
    {"POWER(B4,1/3)", 0}, {"CEILING(B4,5)+FLOOR(B4,5)", 0}, {"SUMXMY2(B4:B6,B5:B7)", 0}, {"N(B4>1000)", 0},
    {"RiskNormal(B4,5,RiskTruncate(B4-3,))", 0}, {"RiskGamma(B5*40,3,RiskTruncate(2,B5*200))", 0},
    {"RiskPoisson(B5*100,RiskTruncate(2,8),RiskShift(B5))", 0}, {"RiskNormal(10,5,RiskTruncate2(B5*100,B5*300),RiskShift(B7))", 0},
    {"RiskLogistic(B4,B5-0.06,RiskTruncateP(B5,1-B5))", 0}, {"RiskTriang(B5,0.06,0.07)", 0}, {"RiskExtvalue(B4,B5)+RiskPareto(B7*9,B5)", 0},
    {"RiskLaplace(B5,B7)+RiskCauchy(B5,B7)+RiskRayleigh(B7)+RiskLevy(B5,B7)", 0}, {"RiskBernoulli(B7)+RiskGeomet(B5)+RiskIntuniform(1,INT(B5*100))", 0},
    {"RiskLognorm(B4,B5)+RiskLognorm2(B5,B7)+RiskLoglogistic(1,B7,B5*90)+RiskUniform(B5,B7)", 0}, {"RiskNormal(SQRT(B4-1000),5,RiskTruncateP(,1/(B5>0.06)))", 0},
    {"RiskDiscrete({1,2,3,4,5,6,7,8,9},CHOOSE({1,2,3,4,5,6,7,8,9},B5,B7,B5,B7,B5,B7,B5,B7,B5))", 0},
    {"RiskDiscrete(B4:B18,B4:B18)", 0}, {"RiskDuniform(B4:B30)", 0},
    {"RiskNormalAlt(5%,B7*0+10,95%,20)", 1}, {"RiskNormalAlt(5%,10,95%,20)+RiskWeibullAlt(0.1,3,\"90%\",9)", 0},
    {"RiskGammaAlt(5%,11,50%,12,95%,20,RiskTruncate(11.5,B5*300))", 0}, {"RiskExponAlt(\"loc\",7,0.5,9,RiskShift(B5))", 0},
    {"RiskTriangAlt(\"min\",0,50%,3,95%,7)+RiskPertAlt(10%,1,\"m. likely\",2,90%,4)+RiskLognormAlt(\"mu\",10,95%,19)", 0},
    {"RiskNormal(B4,5,RiskCorrmat({1,0.5;0.5,1},1))+RiskGamma(2,3,RiskCorrmat({1,0.5;0.5,1},2))", 0},
    {"RiskPert(1,2,B5*99,RiskCorrmat({1,-1;-1,1},1))+RiskPoisson(3,RiskCorrmat({1,-1;-1,1},2))", 0},
    {"LEN(\"x\"&RiskNormal(0,9,RiskCorrmat({1,0.5;0.5,1},2)))+RiskNormal(0,9,RiskCorrmat({1,0.5;0.5,1},1))", 1},
    {"XLOOKUP(B5,{0,0.05,0.07},{1,2,3},0,-1)", 0}, {"XLOOKUP(B5,{0,0.07,0.05,0.05},{1,2,3,4},0,1)", 0}, {"XLOOKUP(B5,B7:B12,B8:B13,0,-1)", 0},
    {"XLOOKUP(B5,B7:B12,B8:B13,\"none\",1,-1)", 0}, {"XLOOKUP(INT(B5*100),{4;5;6;5},{1;2;3;4},,0,-1)", 0}, {"XMATCH(B5,{0.03,0,0.09,0.06},-1)", 0},
    {"XMATCH(B5-0.06,{0.01;0.02},-1)", 0}, {"MATCH(B5,B7:B12,1)", 0}, {"MATCH(B5,B7:B25,1)", 0}, {"MATCH(B5*20,{1,5,3,9,7},1)", 0},
    {"LOOKUP(B5,B7:B10,B8:B11)", 0}, {"VLOOKUP(B5,B7:C12,1)", 0}, {"VLOOKUP(B5*50,{1,\"a\";\"x\",\"b\";3,\"c\";2,\"d\"},2)=\"c\"", 0},
    {"MATCH(IF(B5>0.06,\"m\",\"z\"),{\"a\",\"k\",\"q\"},1)", 0}, {"IFERROR(MATCH(B5-0.06,B7:B12,1),-1)", 0},
    {"INDEX(B40:B60,INT(B5*100)-5)", 0}, {"INDEX(B4:B18,INT(B5*100)-5)", 0}, {"INDEX(A40:C60,INT(B5*100)-5,2)", 0}, {"INDEX(B4:F18,INT(B5*50)+1,0)", 0},
    {"SUM(INDEX(B4:C18,INT(B5*100),0))", 0}, {"SUM(INDEX(B4:C18,0,INT(B5*10)+1))", 0}, {"SUM(INDEX(B4:C18,INT(B5*100)-5,1))", 1},
    {"INDEX(B4:C18,INT(B5*100))", 0}, {"INDEX(B4:B18,INT(B5*100)-9)", 0}, {"INDEX({1,2;3,4},INT(B5*50)-1,2)+1", 0}, {"INDEX(B4,INT(B5*50)-2)", 0},
    {"SUM(FILTER(B4:B8,B4:B8>0.06))", 0}, {"AVERAGE(FILTER(B4:C8,B4:B8>0.06))", 0}, {"MAX(FILTER(B5:B9,B5:B9<0.06))+MIN(FILTER(B5:B9,B5:B9>0.06))", 0},
    {"IFERROR(SUM(FILTER(B5:B9,B5:B9>B5+0.39)),-1)", 0}, {"SUM(B4,FILTER(B4:B8,1/(B4:B8>B5)>0))", 0}, {"SUM(FILTER(B4:B8,B4:B8>9E9,7))", 1},
    {"PRODUCT(FILTER(B5:B9,B5:B9>0.06))", 0}, {"SUMSQ(FILTER(B5:B9,B5:B9>0.06))", 0}, {"STDEV(FILTER(B5:B9,B5:B9>0.06))", 1},
    {"SUM(OFFSET(B4,1,0,INT(B5*50),1))+AVERAGE(OFFSET(B4:C4,0,0,INT(B7*10)))", 0}, {"IFERROR(SUM(OFFSET(B4,0,0,INT(B5*30)-1)),-1)", 1},
    {"IFERROR(MAX(OFFSET(B4,0,0,INT(B5*16),2)),-1)", 0}, {"SUM(B4:INDEX(B4:B18,INT(B5*100)+1))", 0}, {"MIN(B4:INDEX(B5:C18,INT(B5*50)+1,2))", 0},
    {"IFERROR(SUM(B4:INDEX(B4:B8,INT(B5*100)+1)),-1)", 0}, {"SUM(B4:INDEX(B4:B18,INT(B5*50)))", 1}, {"MAX(IF(B4>1000,B4),B5)", 0},
    {"SUM(MAP(B4:B8,LAMBDA(x,x*2+B5)))", 0}, {"REDUCE(0,B4:B8,LAMBDA(a,x,a*0.5+x))", 0}, {"SUM(SCAN(1,B4:B8,LAMBDA(a,x,a*0.5+x)))", 0},
    {"SUM(BYROW(B4:C8,LAMBDA(r,SUM(r)*2)))", 0}, {"SUM(BYCOL(B4:C8*B5,LAMBDA(r,MAX(r))))", 0}, {"SUM(MAKEARRAY(3,2,LAMBDA(i,j,i*j+B5)))", 0},
    {"LET(f,LAMBDA(x,x*x+B5),f(3)+f(B4))", 0}, {"SUM(BYROW(B4:C8,SUM))", 0}, {"LAMBDA(x,y,x/y)(B4,B5-0.06)", 0},
    {"REDUCE(,B4:B8,LAMBDA(a,x,MAX(a,x)))", 0}, {"LET(y,B5,SUM(MAP(B4:B6,B5:B7,LAMBDA(a,b,a*b+y))))", 0},
    {"INDEX(MAP(B4:B8,LAMBDA(x,IF(x>0.06,x,\"none\"))),2)", 0}, {"SUM(MAP(B4:B8,LAMBDA(x,x+RAND())))", 1},
    {"REDUCE(0,SEQUENCE(4),LAMBDA(a,i,a+INDEX(B4:B8,i)*B5^i))", 0}, {"SUM(MAP(B4:B6,B5:B8,LAMBDA(a,b,a*b)))", 0},
    {"IFERROR(SUM(MAP(B4:B8,LAMBDA(x,1/(x>0.06)))),-1)", 0}, {"LET(f,LAMBDA(a,[b],IF(ISOMITTED(b),a,a+b)),f(B4)+f(B4,B5))", 1},
    {"SUM(VSTACK(B4:B5,B7:B8)*2)", 0}, {"SUM(HSTACK(B4:B6,B5:B7,1))", 0}, {"SUM(TAKE(B4:C8,-2,1))", 0}, {"SUM(DROP(B4:B8,2))", 0},
    {"SUM(CHOOSEROWS(B4:B8,1,-1,{2,3}))", 0}, {"SUMPRODUCT(CHOOSECOLS(B4:C8,1),SEQUENCE(5))", 0}, {"INDEX(TOCOL(B4:C8),3)+SUM(TOROW(B4:B8))", 0},
    {"SUM(WRAPROWS(B4:B9,2)*{1,2;3,4;5,6})", 0}, {"IFERROR(SUM(VSTACK(B4:B5,B4:C4)),7)", 0}, {"SUM(EXPAND(B4:B6,5,1,B5*0+1))", 1},
    {"SUM(EXPAND(B4:B6,5,1,0))", 0}, {"SUM(TAKE(B4:B8,INT(B5*50)))", 1}, {"NPV(0.1,CHOOSE({1,2,3},-B4,B4*0.6,B4*0.7))", 0},
    {"SUM(CHOOSE({1,2},B4:B6,B5:B7))", 0}, {"SUM(MMULT(TRANSPOSE(B4:B6),B5:B7))", 0}, {"SUM(MMULT(B4:B6/(B5-0.06),TRANSPOSE(B5:B7)))", 0},
    {"SUBTOTAL(1,B4:B8)+SUBTOTAL(104,B4:B8,B9)-SUBTOTAL(5,B4:B8)", 0}, {"SUBTOTAL(2,A4:B18)+SUBTOTAL(3,A4:B18)", 0}, {"SUBTOTAL(7,B4:B8)+SUBTOTAL(110,B4:B8)", 0},
    {"SUBTOTAL(INT(B5*100)-3,B4:B8)", 1}, {"AGGREGATE(9,6,B4:B8)", 0}, {"AGGREGATE(14,6,B4:B8,2)", 0}, {"AGGREGATE(9,6,B4:B8/(B5:B9>0.06))", 0},
    {"AGGREGATE(1,6,1/(B4:B8>B5),B7)", 0}, {"AGGREGATE(9,4,B4:B8/(B5:B9>0.06))", 0}, {"AGGREGATE(14,6,B4:B8/(B5:B9>0.06),1)", 1},
    {"AGGREGATE(12,5,B4:B18)+AGGREGATE(16,0,B4:B18,0.3)", 0}, {"AGGREGATE(2,6,1/(B4:B8>B5))+AGGREGATE(3,6,1/(B4:B8>B5))", 0},
    {"IF(B4>1000,1)", 0}, {"(B4>1000)*(B5>0.06)", 0}, {"B4&\"\"=\"1\"", 1}, {"FORECAST(B5,B4:B8,B5:B9)", 0},
    {"INDEX(B4:B8,MATCH(INT(B5*100),{4,5,6,7},0))", 0}, {"INDEX(B4:B18,MATCH(B5,{0.05,0.06,0.07},1))", 0},
    {"INDEX(B4:B10,MATCH(INT(B4/100),E57:E58,0))", 0}, {"INDEX(B4:B10,INT(B5*30)-1)", 0},
    {"MATCH(ROUND(B5,2),{0.04,0.05,0.06,0.07,0.08},1)", 0}, {"MATCH(ROUND(B5,2)+1E-17,{0.04,0.05,0.06,0.07,0.08},0)", 0},
    {"MATCH(INT(B4),{800,900,950,990,1000,1010,1050,1100,1200},-1)", 0}, {"MATCH(-B4,{-800,-900,-1000,-1100,-1200},-1)", 0},
    {"NORM.S.INV(RAND())*NORMSINV(B7)", 0}, {"NORM.INV(B7,B4,B5-0.06)", 0}, {"NORM.S.INV(B5*20)", 0}, {"LOGNORM.INV(B7,B5,0.3)", 0},
    {"NORM.S.DIST(B5,TRUE)+NORMSDIST(-B4/500)", 0}, {"EXP(-B4)", 0}, {"EXP(-B4*0.7)", 0}, {"ASIN(B5*15)+ACOS(B7)", 0},
    {"SIN(B4*1E5)", 0}, {"SINH(B5)+COSH(B5)-TANH(B5)", 0}, {"LOG(B4)+LOG(B5-0.06)", 0}, {"TRUNC(B4/7)+TRUNC(B5,3)", 0},
    {"ROUND(B4/3,0)+ROUND(B4,5)-ROUND(-B4/3,-2)", 0}, {"ROUND(ROUND(B4,1)*0.5,1)", 0}, {"ROUND(B4,B5*50)+ROUND(B4,25)", 0},
    {"MATCH(B4,B4:B18,1)", 0}, {"MATCH(B4,E59:E66,1)", 0}, {"MATCH(950,E59:E66,-1)", 0}, {"MATCH(INT(B4/50),E67:E74,-1)", 0},
    {"MATCH(INT(B4/50),E67:E74,1)", 0}, {"VLOOKUP(B4,E59:E66,1)", 0}, {"LOOKUP(B4-20,E59:E66)", 0},
    {"MATCH(B4/50,{18,19,\"x\",20,21,TRUE,22},1)", 0}, {"XMATCH(B4,E59:E66,-1)", 0}, {"XMATCH(B4,E59:E66,1)", 0},
    {"XMATCH(INT(B4/50),E67:E74,-1)", 0}, {"XLOOKUP(INT(B4/50),E67:E74,E59:E66,-7,1)", 0}, {"XLOOKUP(B4,E59:E66,E67:E74,,-1)", 0},
    {"SUBTOTAL(1,B4:B8)+SUBTOTAL(104,B4:B8)-SUBTOTAL(5,B4:B8)+SUBTOTAL(2,A4:B9)*SUBTOTAL(3,A4:B9)", 0}, {"SUBTOTAL(9,E75:E76,B4)", 0},
    {"SUBTOTAL(7,B4:B8)+SUBTOTAL(6,B5:B8)+SUBTOTAL(11,B4:B6)", 0}, {"AGGREGATE(9,6,E50:E57)", 0}, {"AGGREGATE(4,6,E53:E54)", 0},
    {"AGGREGATE(14,0,B4:B18,2)+AGGREGATE(16,4,B4:B10,0.3)", 0}, {"AGGREGATE(9,4,E50:E57)", 0}, {"AGGREGATE(2,6,E50:E57)+AGGREGATE(3,6,E50:E57)", 0},
    {"COUNTBLANK(E50:E58)", 0}, {"MAX(E50:E53)-MIN(E50:E53)+PRODUCT(E50:E53)+SUMSQ(E50:E53)", 0}, {"MAX(E50,E55)", 0},
    {"SUM(Inputs:Summary!B6)+MAX(Inputs:Summary!B5:B6)+COUNT(Inputs:Summary!B4:B9)+AVERAGE(Inputs:Model!B7:B8)", 0},
    {"SUMPRODUCT(SUMIF(E67:E74,{20;21;22},B4:B11))", 0}, {"SUMPRODUCT(COUNTIFS(E67:E74,E71:E72,B4:B11,\">0\"))", 0},
    {"SUMPRODUCT(SUMIF(E50:E57,{\"yes\",\"no\"},B4:B11),{1,10})", 0},
    {"COUNTIF(E50:E57,\"yes\")", 0}, {"COUNTIF(E50:E57,\"<>YES\")", 0}, {"COUNTIF(E50:E57,\"\")", 0}, {"COUNTIF(E50:E57,\"<>\")", 0},
    {"COUNTIF(E50:E57,\"=\")", 0}, {"COUNTIF(E50:E57,TRUE)", 0}, {"COUNTIF(E50:E57,\">5\")", 0}, {"COUNTIF(E50:E57,\"<>6\")", 0},
    {"COUNTIF(E50:E57,\">no\")", 0}, {"COUNTIF(B4:B10,\">\"&B5*2)", 0}, {"COUNTIF(E50:E57,\"<=\"&INT(B5*100))", 0},
    {"COUNTIF(E50:E57,INT(B5*100))", 0}, {"SUMIF(E50:E53,\"no\",B4:B7)", 0}, {"SUMIFS(B4:B11,E50:E57,\"<>\"&E57,B4:B11,\">0.1\")", 0},
    {"AVERAGEIFS(B4:B11,E50:E57,\"yes\")", 0}, {"COUNTIF(E50:E51,\"y*\")", 1}, {"COUNTIF(E50:E57,#DIV/0!)", 1},
};

/* Cells of changing type beside the formula, for criteria. */
static const struct {
	int32_t row;
	const char *formula;
} helpers[] = {
    {49, "IF(B4>1000,\"yes\",\"no\")"}, {50, "IF(B5>0.06,\"Yes\",B4)"}, {51, "IF(B7>0.45,TRUE,B5)"}, {52, "IF(B4>990,INT(B5*100),\"\")"},
    {53, "IF(B4>950,6,1/0)"}, {54, "\"yes\""}, {56, "INT(B4/100)"}, {57, "9"},
    {58, "B4-90"}, {59, "B4-60*B5"}, {60, "B4+B7"}, {61, "930+B5*100"}, {62, "1000"}, {63, "B4+40"}, {64, "990"}, {65, "B4+90"},
    {66, "INT(B4/40)"}, {67, "INT(B4/45)"}, {68, "21"}, {69, "INT(B4/49)"}, {70, "20"}, {71, "20"}, {72, "INT(B5*300)"}, {73, "INT(B4/60)"},
    {74, "SUBTOTAL(9,B4:B5)"}, {75, "B5+1"},
};

static void
check_formula(const struct workbook *wb, const char *formula, int tree)
{
	struct err e = {0};
	struct model *m = model_new(wb, &e);
	struct area at = {0, 0, 49, 3, 49, 3};
	struct spec spec;
	struct lower *L;
	struct eval *ev;
	struct sampler_hook_ctx hook;
	struct value want[VM_BLOCK];
	ir_ref roots[3];
	int trees;

	spec_init(&spec);
	for (size_t i = 0; i < sizeof helpers / sizeof helpers[0]; i++)
		if (model_set_formula(m, 0, helpers[i].row, 4, helpers[i].formula, 0, &e) < 0)
			ok(0, "helper in row %d: %s", helpers[i].row + 1, e.msg);
	if (spec_load(&spec, "examples/dcf.json", &e) < 0 || spec_apply(&spec, m, &e) < 0 ||
	    model_set_formula(m, 0, 49, 3, formula, 0, &e) < 0 || copula_build(m, NULL, 0, &e) < 0 || !(L = lower_new(m, &e)) ||
	    lower_targets(L, &at, (const char *const[]){"D50"}, 1, &e) < 0) {
		ok(0, "%s: %s", formula, e.msg);
		return;
	}
	roots[0] = L->target[0].v.num;
	roots[1] = L->target[0].v.err;
	roots[2] = lower_type(L, L->target[0].v);
	trees = L->ir->ntrees > 0;
	ev = eval_new(m, &e);
	hook = (struct sampler_hook_ctx){L->samplers, wb};
	eval_set_draw_hook(ev, sampler_hook, &hook);
	for (int isa = ISA_BASE; isa <= (int)isa_best(); isa++) {
		struct vm_program *p = vm_compile(L->ir, L, roots, 3, (enum isa)isa, &e);
		struct vm_run *run = p ? vm_run_new(p, 7, &e) : NULL;
		int bad = -1;

		if (!run) {
			ok(0, "%s: %s", formula, e.msg);
			break;
		}
		vm_block(run, 512, 0, VM_BLOCK);
		for (int k = 0; k < VM_BLOCK && bad < 0; k++) {
			const double *num = vm_root(run, 0), *err = vm_root(run, 1), *typ = vm_root(run, 2);

			eval_set_trial(ev, 7, 512 + k);
			want[0] = eval_cell(ev, 0, 49, 3);
			if (!lane_same(&want[0], num[k], err ? err[k] : 0, typ[k], L))
				bad = k;
		}
		ok(bad < 0, "%s [%s]%s", formula, isa_name((enum isa)isa), bad < 0 ? "" : ": lanes and evaluator differ");
		if (bad >= 0)
			printf("# trial %d: evaluator kind %d num %.17g error %d; lanes num %.17g error %g type %g\n", 512 + bad,
			       want[0].kind, want[0].kind == V_NUM ? want[0].u.num : 0, want[0].error, vm_root(run, 0)[bad],
			       vm_root(run, 1) ? vm_root(run, 1)[bad] : 0, vm_root(run, 2)[bad]);
		vm_run_free(run);
		vm_free(p);
	}
	ok(trees == tree, "%s %s (%s)", formula, tree ? "runs lane by lane" : "is vectorised", trees ? L->ir->tree[0].why : "lanes");
	eval_free(ev);
	lower_free(L);
	model_free(m);
	spec_free(&spec);
}

int
main(void)
{
	struct err e = {0};
	struct workbook *wb = workbook_load("examples/dcf.xlsx", &e);

	if (!wb) {
		ok(0, "the example loads: %s", e.msg);
		return done();
	}
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check_formula(wb, cases[i].formula, cases[i].tree);
	workbook_free(wb);
	return done();
}
