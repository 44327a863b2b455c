"""Campuses and departments of the demonstration hospital 广州云岫医院 (Guangzhou Yunxiu Hospital), which is invented.

Department codes are those of the national list of clinical subjects (医疗机构诊疗科目名录).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CampusSeed:
    """A campus; degrees WGS 84."""

    code: str
    name_zh: str
    name_en: str
    address: str
    latitude: float
    longitude: float


CAMPUSES = (
    CampusSeed("YX", "越秀院区", "Yuexiu Campus", "广州市越秀区东风中路 8899 号", 23.1331, 113.2644),
    CampusSeed("TH", "天河院区", "Tianhe Campus", "广州市天河区黄埔大道西 7788 号", 23.1289, 113.3315),
    CampusSeed("PY", "番禺院区", "Panyu Campus", "广州市番禺区亚运大道 9966 号", 22.9376, 113.4103),
)


@dataclass(frozen=True, slots=True)
class DepartmentSeed:
    """A department: where it sees outpatients, how many doctors, whom it admits, what it treats.

    campuses: letters of the campus codes, empty for a heading that has no clinic of its own.
    sex: GB/T 2261.1 code, or None for everyone; ages in completed years, both included.
    """

    code: str
    name_zh: str
    name_en: str
    campuses: str
    doctors: int
    diseases: str
    sex: int | None = None
    age_min: int | None = None
    age_max: int | None = None


DEPARTMENTS = (
    DepartmentSeed("02", "全科医疗科", "General Practice", "YTP", 8, "感冒 发热 高血压 健康咨询 慢病管理"),
    DepartmentSeed("03", "内科", "Internal Medicine", "", 0, ""),
    DepartmentSeed("03.01", "呼吸内科", "Respiratory Medicine", "YTP", 12, "哮喘 肺炎 慢阻肺 咳嗽 肺结节 睡眠呼吸暂停"),
    DepartmentSeed("03.02", "消化内科", "Gastroenterology", "YTP", 12, "胃炎 胃溃疡 肠炎 便秘 幽门螺杆菌 脂肪肝"),
    DepartmentSeed("03.03", "神经内科", "Neurology", "YTP", 11, "头痛 眩晕 脑梗死 癫痫 帕金森病 失眠"),
    DepartmentSeed("03.04", "心血管内科", "Cardiology", "YTP", 13, "冠心病 高血压 心律失常 心力衰竭 胸痛"),
    DepartmentSeed("03.05", "血液内科", "Haematology", "YP", 6, "贫血 白血病 淋巴瘤 血小板减少"),
    DepartmentSeed("03.06", "肾病学", "Nephrology", "YT", 7, "肾炎 蛋白尿 肾衰竭 肾病综合征 透析"),
    DepartmentSeed("03.07", "内分泌", "Endocrinology", "YTP", 9, "糖尿病 甲亢 甲状腺结节 痛风 骨质疏松"),
    DepartmentSeed(
        "03.08", "免疫学", "Rheumatology and Immunology", "Y", 5, "类风湿关节炎 红斑狼疮 强直性脊柱炎 干燥综合征"
    ),
    DepartmentSeed("03.09", "变态反应", "Allergy", "Y", 3, "过敏 荨麻疹 过敏性鼻炎 食物过敏"),
    DepartmentSeed("03.10", "老年病", "Geriatrics", "YT", 6, "老年综合评估 衰弱 认知障碍 多重用药", age_min=60),
    DepartmentSeed("04", "外科", "Surgery", "", 0, ""),
    DepartmentSeed("04.01", "普通外科", "General Surgery", "YTP", 11, "胆囊结石 疝气 阑尾炎 甲状腺肿瘤 乳腺结节"),
    DepartmentSeed("04.02", "神经外科", "Neurosurgery", "YT", 6, "脑肿瘤 脑出血 三叉神经痛 脑积水"),
    DepartmentSeed("04.03", "骨科", "Orthopaedics", "YTP", 12, "骨折 腰椎间盘突出 颈椎病 膝关节炎 髋关节置换"),
    DepartmentSeed("04.04", "泌尿外科", "Urology", "YTP", 8, "肾结石 前列腺增生 尿路感染 膀胱肿瘤"),
    DepartmentSeed("04.05", "胸外科", "Thoracic Surgery", "Y", 5, "肺结节 肺癌 食管癌 气胸"),
    DepartmentSeed(
        "04.06", "心脏大血管外科", "Cardiovascular Surgery", "Y", 4, "心脏瓣膜病 主动脉夹层 冠脉搭桥 先天性心脏病"
    ),
    DepartmentSeed("04.07", "烧伤科", "Burns", "P", 3, "烧伤 烫伤 瘢痕 慢性创面"),
    DepartmentSeed("04.08", "整形外科", "Plastic Surgery", "T", 4, "瘢痕修复 体表肿物 皮瓣修复 唇腭裂"),
    DepartmentSeed("05", "妇产科", "Obstetrics and Gynaecology", "", 0, ""),
    DepartmentSeed("05.01", "妇科", "Gynaecology", "YTP", 13, "子宫肌瘤 月经不调 阴道炎 卵巢囊肿 宫颈病变", sex=2),
    DepartmentSeed("05.02", "产科", "Obstetrics", "YTP", 10, "产检 高危妊娠 妊娠期糖尿病 产后复查", sex=2, age_min=14),
    DepartmentSeed(
        "05.05", "生殖健康与不孕症", "Reproductive Health", "T", 5, "不孕不育 多囊卵巢 试管婴儿 备孕咨询", age_min=18
    ),
    DepartmentSeed(
        "06.03", "更年期保健", "Menopause Care", "Y", 2, "更年期综合征 潮热 激素替代治疗", sex=2, age_min=35
    ),
    DepartmentSeed("07", "儿科", "Paediatrics", "YTP", 12, "发热 咳嗽 腹泻 手足口病 小儿肺炎", age_max=17),
    DepartmentSeed("07.01", "新生儿", "Neonatology", "YT", 4, "新生儿黄疸 早产儿随访 新生儿喂养", age_max=0),
    DepartmentSeed(
        "07.04", "小儿呼吸", "Paediatric Respiratory Medicine", "Y", 4, "小儿哮喘 反复呼吸道感染 支气管炎", age_max=17
    ),
    DepartmentSeed(
        "07.08", "小儿神经病学", "Paediatric Neurology", "Y", 3, "热性惊厥 抽动症 小儿癫痫 多动症", age_max=17
    ),
    DepartmentSeed("08.01", "小儿普通外科", "Paediatric Surgery", "Y", 3, "小儿疝气 包茎 肠套叠 鞘膜积液", age_max=17),
    DepartmentSeed(
        "09.01", "儿童生长发育", "Child Growth and Development", "TP", 4, "矮小 性早熟 发育迟缓 语言迟缓", age_max=17
    ),
    DepartmentSeed("10", "眼科", "Ophthalmology", "YTP", 9, "近视 白内障 青光眼 干眼症 眼底病"),
    DepartmentSeed("11", "耳鼻咽喉科", "Otorhinolaryngology", "YTP", 8, "鼻炎 中耳炎 扁桃体炎 耳鸣 听力下降"),
    DepartmentSeed("12", "口腔科", "Stomatology", "YTP", 9, "龋齿 智齿 牙周炎 种植牙 牙痛"),
    DepartmentSeed("12.07", "口腔正畸", "Orthodontics", "T", 3, "牙齿矫正 错颌畸形 隐形矫治"),
    DepartmentSeed("13", "皮肤科", "Dermatology", "YTP", 10, "湿疹 痤疮 银屑病 荨麻疹 脱发"),
    DepartmentSeed("14", "医疗美容科", "Aesthetic Medicine", "T", 2, "激光祛斑 皮肤年轻化 痘坑", age_min=18),
    DepartmentSeed("15.06", "临床心理", "Clinical Psychology", "YP", 5, "抑郁 焦虑 失眠 青少年情绪问题 心理咨询"),
    DepartmentSeed("16.03", "肝炎", "Hepatitis", "Y", 4, "乙肝 丙肝 肝硬化 转氨酶升高"),
    DepartmentSeed("19", "肿瘤科", "Oncology", "YT", 7, "肺癌 肝癌 肠癌 乳腺癌 化疗 免疫治疗"),
    DepartmentSeed("21", "康复医学科", "Rehabilitation Medicine", "TP", 5, "中风康复 骨折术后康复 颈肩腰腿痛 运动损伤"),
    DepartmentSeed("22", "运动医学科", "Sports Medicine", "T", 3, "韧带损伤 半月板损伤 肩袖损伤"),
    DepartmentSeed("27", "疼痛科", "Pain Medicine", "Y", 3, "带状疱疹后神经痛 腰腿痛 癌痛"),
    DepartmentSeed("50", "中医科", "Traditional Chinese Medicine", "YTP", 8, "体质调理 失眠 脾胃病 咳嗽 月经不调"),
    DepartmentSeed("50.10", "中医骨伤科", "TCM Orthopaedics and Traumatology", "Y", 4, "扭伤 骨折 颈椎病 腰肌劳损"),
    DepartmentSeed("50.11", "中医肛肠科", "TCM Proctology", "P", 3, "痔疮 肛裂 肛瘘 便血"),
    DepartmentSeed("50.13", "针灸科", "Acupuncture and Moxibustion", "YT", 5, "面瘫 偏瘫 偏头痛 减肥 过敏性鼻炎"),
    DepartmentSeed("50.14", "推拿科", "Tuina", "T", 3, "落枕 腰痛 小儿推拿 颈椎病"),
    DepartmentSeed("52", "中西医结合科", "Integrated Chinese and Western Medicine", "P", 4, "慢性胃炎 高血压 术后调理"),
)

# 男科 has no subject code of its own; it is a clinic of urology.
ANDROLOGY = DepartmentSeed("04.04", "男科", "Andrology", "Y", 0, "前列腺炎 勃起功能障碍 男性不育", sex=1, age_min=14)
DOCTORS = sum(department.doctors for department in DEPARTMENTS)
