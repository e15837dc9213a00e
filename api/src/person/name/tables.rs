//! Readings that a general dictionary gets wrong: surnames, compound surnames, some characters of given names.
//! Each entry is the character and its reading with the tone; further readings follow behind a comma.

/// Surnames of one character that a dictionary misreads, or that have more than one reading (the usual one first).
pub(super) const SURNAMES: &str = "
    单shan4 仇qiu2 解xie4 查zha1 曾zeng1 区ou1 盖ge3,gai4 缪miao4 乐yue4,le4 翟zhai2,di2 朴piao2 覃qin2,tan2 华hua4
    任ren2 钭tou3 黑he4,hei1 秘bi4 冼xian3 折she2 繁po2 员yun4 贠yun4 句gou1 勾gou1 隗wei3,kui2 种chong2 葛ge3 纪ji3
    宁ning2,ning4 甯ning4 那na1 尉wei4 召shao4 逄pang2 乜nie4 佴nai4 厍she4 晁chao2 郇xun2,huan2 哈ha3 牟mu4,mou2
    行xing2 尹yin3 车che1 石shi2 应ying1 燕yan1 过guo1 曲qu1 麴qu1 俞yu2 谌chen2,shen4 祭zhai4 洗xian3 盛sheng4
    占zhan1 强qiang2 宓mi4,fu2 相xiang4 訾zi1 撒sa4 阚kan4 费fei4,bi4 贲ben1 贾jia3 藏zang1 臧zang1 薄bo2 柏bai3
    重chong2 卜bu3 令ling2 台tai2 都du1 角jue2 能nai4 要yao1 么yao1 幺yao1 术zhu2 褚chu3 郗xi1,chi1 郄qie4,xi4
    郤xi4 莘shen1,xin1 眭sui1 宿su4 隋sui2 瞿qu2 湛zhan4 妫gui1 炅gui4,jiong3 晟cheng2,sheng4 颉xie2 粘nian2
    庹tuo3 仉zhang3 亓qi2 綦qi2 缑gou1 茆mao2 恽yun4 昝zan3 殳shu1 呙guo1 遆ti2 逯lu4 郏jia2 邰tai2 隽juan4 圈juan4
    冠guan4 观guan4 少shao4 适kuo4,shi4 亢kang4 干gan1 肖xiao1 佘she2 佟tong2 仝tong2 叶ye4 沈shen3 殷yin1 郝hao3
    侯hou2 冯feng2 陆lu4 苑yuan4 嵇ji1 稽ji1 长zhang3 俱ju1 莞guan3 滑hua2 汤tang1 庞pang2 舍she4 参shen1 降jiang4
    谷gu3 万wan4 俟qi2,si4 朝chao2 洪hong2 斜xie2 鲜xian1 衣yi1 来lai2 旗qi2 便pian2 㛃jie2 䶮yan3";

/// Surnames of two characters, with the reading of each.
pub(super) const COMPOUNDS: &str = "
    欧阳ou1yang2 司马si1ma3 上官shang4guan1 诸葛zhu1ge3 东方dong1fang1 皇甫huang2fu3 尉迟yu4chi2 公孙gong1sun1
    慕容mu4rong2 长孙zhang3sun1 宇文yu3wen2 司徒si1tu2 令狐ling2hu2 澹台tan2tai2 单于chan2yu2 万俟mo4qi2
    夏侯xia4hou2 钟离zhong1li2 端木duan1mu4 轩辕xuan1yuan2 南宫nan2gong1 西门xi1men2 东郭dong1guo1 百里bai3li3
    呼延hu1yan2 赫连he4lian2 申屠shen1tu2 濮阳pu2yang2 淳于chun2yu2 太史tai4shi3 太叔tai4shu1 公冶gong1ye3
    公羊gong1yang2 公西gong1xi1 公良gong1liang2 宗政zong1zheng4 仲孙zhong4sun1 叔孙shu1sun1 颛孙zhuan1sun1
    鲜于xian1yu2 闾丘lv2qiu1 司空si1kong1 司寇si1kou4 亓官qi2guan1 子车zi3ju1 漆雕qi1diao1 乐正yue4zheng4
    壤驷rang3si4 拓跋tuo4ba2 独孤du2gu1 夹谷jia2gu3 宰父zai3fu3 谷梁gu3liang2 榖梁gu3liang2 段干duan4gan1
    羊舌yang2she2 微生wei1sheng1 梁丘liang2qiu1 左丘zuo3qiu1 东门dong1men2 第五di4wu3 巫马wu1ma3 完颜wan2yan2
    耶律ye1lv4 纳兰na4lan2 那拉na4la1 贺兰he4lan2 哥舒ge1shu1 尔朱er3zhu1 屈突qu1tu1 达奚da2xi1 叱干chi4gan1
    欧陽ou1yang2 諸葛zhu1ge3 長孫zhang3sun1 尉遲yu4chi2 司馬si1ma3";

/// Characters of given names whose first reading in the dictionary is not the one that people are called by.
pub(super) const GIVEN: &str =
    "晟sheng4 珩heng2 卜bu3 长chang2 率shuai4 泊bo2 勒le4 塞sai4 薄bo2 阚kan4 炅jiong3 着zhe5";

/// How a character that keyboards lack is described on forms, so that the description finds its bearer.
pub(super) const DESCRIBED: [(char, &str); 1] = [('䶮', "龙天")];

/// Surnames by their number of strokes, and within it by the strokes themselves (一丨丿丶乛), as the national standard
/// 通用规范汉字表 has them. ICU's stroke order counts as Taiwan does (艹 4, 阝 3, 辶 4), which puts 陈, 黄, 郑 and 苏 a
/// stroke too far for an official list.
pub(super) const STROKES: &str = "
    1 乙 2 丁卜刁刀力乜 3 干于才寸大万上小山么广门义之弓子卫女飞习马幺 4 丰王开井亓天元韦云木支太区尤车巨戈少贝
    水牛毛长化仇仉公风乌勾殳卞六文亢方火计户心尹巴孔邓双毋 5 玉未正甘艾古本术左厉石龙平东北占卢帅叶甲申田由史叱
    冉四丘付代白仝丛令用印尔乐句冬包邝冯玄闪兰头宁让训记永司民召加皮边圣台母 6 匡邢戎吉老巩扬朴权过西厍百有达成
    夹尧毕至师光曲团吕年朱竹乔伍伏延仲任华自伊向行全危名多邬色冲庄庆刘齐衣次闫闭问羊关米江池汤宇字安祁许农那阮孙
    阳阴如好观牟红纪 7 麦贡赤折志芮花苍严芦劳苏杜巫极李杨束豆来连轩坚肖时吴员呙岑利兵邱何但佟位余佘希谷龟邸狄角
    彤邹言况应冷辛冶间闵汪沙沃沈怀忻完宋良初灵迟张陆阿陈陀妙妫邵邰纳 8 奉武青拓者幸耶茂苗英苟茆苑范茅林松杭郁奇
    欧郏叔卓虎尚果国昌畅明易炅迪呼罗牧和季侍岳佴征舍金郄瓮朋肥周郇鱼冼庞庚於郑单炎法波宗官空宓郎房居屈孟降参练终
    经 9 㛃春封持项城政赵贲郝荆茶荀荣胡茹南柯相查柏柳树要郦威䶮战是星贵思哈钟钦钭钮拜郜适香种秋重笃段便顺修信皇
    泉鬼禹侯俟俊须俞郗郤胜独逄昝饶将施闻闾美姜娄洪洗洛济恒恽宣宫冠祖祝费胥姚贺骆 10 泰秦珠班敖袁都挚耿聂莱莫莘晋
    莞真桂桓桐索哥栗贾夏破原顾柴党晟晓晁晏恩钱铁特秘俱倪隽徐殷爱奚翁卿逢凌栾高郭席唐郸烟涛浦海涂宾容宰诸诺谈展剧
    陶姬能桑 11 堵黄乾萧梅曹戚龚盛雪常眭晨蛇鄂崔圈银矫笪符第得盘斜象祭庹麻康鹿章商阎盖粘清渠淳梁寇宿谌扈逯尉屠隋
    隗隆巢 12 琴越颉揭喜彭揣斯葛董敬蒋韩朝辜植森惠覃粟斐紫赏遇景喻黑智嵇程傅焦储舒鲁斌童遆善普道曾湛温滑游寒富甯
    禄谢强缐缑 13 瑞鄢鄞靳蓝蒯蓟蓬蒲蒙楚楼裘赖甄雷訾虞路简微詹鲍解廉靖新雍阙满源窦褚福群 14 静赫榖綦慕蔡蔺蔚臧辕
    裴管毓鲜雒廖端旗阚漆赛谭谯翟熊缪 15 撒樊暴颛墨镇稽黎滕颜潜潘禤 16 燕薛薄霍冀穆衡澹 17 戴鞠藏檀魏繁濮 18 瞿
    20 壤酆";
